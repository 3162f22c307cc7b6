#!/usr/bin/env bash
# What there is to know of a GPU, in one run: do our kernels agree with the CPU's there, and how fast are training and scoring?
set -uo pipefail

usage() {
  cat <<END
Usage: benches/gpu.sh pack FOLDER
       benches/gpu.sh run FOLDER OUT [DEVICE]

pack builds the programs here and packs them into FOLDER. run needs no Rust: it unpacks them on the machine with the GPU and writes a file into OUT for
each part. A part that fails or hangs does not end the others. DEVICE is as of the program's own --device: gpu:0 unless told otherwise.

  CUDA     1: pack builds for CUDA, too (benches/cuda.sh), and run measures training with it as well
  WIDTHS   widths w of the networks; 16 and 64 unless told otherwise
  SIZE     side of the images in pixels; 256 unless told otherwise
END
}

PROGRAMS="daad native integration launches"
BATCH=8
WIDTHS=${WIDTHS:-16 64}
SIZE=${SIZE:-256}

pack() {
  local folder=$1 name
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  mkdir -p "$folder"
  {
    cargo build --release --message-format=json
    cargo build --release --bench native --message-format=json
    cargo test --release --no-run --test integration --test launches --message-format=json
  } | node -e '
    for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
      const { executable, target } = JSON.parse(line);
      if (executable) console.log(target.name, executable);
    }' >"$folder/programs"
  for name in $PROGRAMS; do
    strip -o "$folder/$name" "$(awk -v name="$name" '$1 == name { print $2 }' "$folder/programs" | tail -n 1)" && xz -f "$folder/$name"
  done
  rm "$folder/programs"
  if [[ ${CUDA:-} == 1 ]]; then
    strip -o "$folder/native-cuda" "$(benches/cuda.sh build)" && xz -f "$folder/native-cuda"
    cp "$(benches/cuda.sh libdevice)" "$folder"
  fi
  du -h "$folder"/*
}

run() {
  local folder=$1 device=${3:-gpu:0} width system batch
  OUT=$2
  BIN=$(mktemp -d)
  trap 'rm -rf "$BIN"' EXIT
  mkdir -p "$OUT"
  export XDG_RUNTIME_DIR=$BIN # wgpu looks for it
  for name in $PROGRAMS; do xz -dc "$folder/$name.xz" >"$BIN/$name" && chmod +x "$BIN/$name"; done
  head -c $((BATCH * 3 * SIZE * SIZE)) /dev/urandom >"$BIN/$BATCH"
  head -c $((3 * SIZE * SIZE)) /dev/urandom >"$BIN/1"

  NATIVE=$BIN/native
  part doctor 120 "$BIN/daad" doctor
  part kernels-in-three-threads 120 env DAAD_TEST_GPU=1 RUST_TEST_THREADS=3 "$BIN/integration" gpu_kernels
  part kernels-in-one-thread 120 env DAAD_TEST_GPU=1 RUST_TEST_THREADS=1 "$BIN/integration" gpu_kernels
  part launches 60 "$BIN/launches" --nocapture
  for width in $WIDTHS; do
    "$BIN/native" model "$width" "$SIZE" "$BIN/model-$width" >/dev/null
    for system in daad daad+; do steps "train-$system-w$width" train "$BIN/model-$width" "$BIN/$BATCH" "$system" --device "$device"; done
    profile "profile-daad-w$width" train "$BIN/model-$width" "$BIN/$BATCH" daad --device "$device"
    for batch in 1 $BATCH; do steps "score-w$width-batch-$batch" score "$BIN/model-$width" "$BIN/$batch" --device "$device"; done
  done
  if [[ -f $folder/native-cuda.xz ]]; then
    NATIVE=$BIN/native-cuda
    xz -dc "$folder/native-cuda.xz" >"$NATIVE" && chmod +x "$NATIVE"
    mkdir -p "$BIN/cuda/nvvm/libdevice" && cp "$folder/libdevice.10.bc" "$BIN/cuda/nvvm/libdevice"
    for width in $WIDTHS; do
      for system in daad daad+; do CUDA_PATH=$BIN/cuda steps "cuda-train-$system-w$width" train "$BIN/model-$width" "$BIN/$BATCH" "$system" --device cuda; done
      CUDA_PATH=$BIN/cuda steps "cuda-score-w$width" score "$BIN/model-$width" "$BIN/$BATCH" --device cuda
    done
    NATIVE=$BIN/native
  fi
  for tasks in 128 512; do CUBECL_WGPU_MAX_TASKS=$tasks steps "train-daad-tasks-$tasks" train "$BIN/model-${WIDTHS%% *}" "$BIN/$BATCH" daad --device "$device"; done
}

# part NAME SECONDS COMMAND...
part() {
  local name=$1 limit=$2 start=$SECONDS status
  shift 2
  timeout "$limit" "$@" >"$OUT/$name" 2>&1
  status=$?
  echo "$name: status $status after $((SECONDS - start)) s; $(grep -v "^ *$" "$OUT/$name" | tail -n 1)"
}

# steps NAME WORDS...: twelve steps of the native program, each after a line, and the median of their times.
steps() {
  local name=$1
  shift
  yes | head -n 12 | timeout 60 "$NATIVE" "$@" >"$OUT/$name" 2>&1
  grep -o '"seconds":[0-9.e-]*' "$OUT/$name" | cut -d: -f2 >"$BIN/seconds"
  echo "$name: $(sort -g "$BIN/seconds" | awk '{ all[NR] = $1 } END { printf "median %.4f s of %d steps", all[int((NR + 1) / 2)], NR }'), first $(head -n 1 "$BIN/seconds") s"
}

# profile NAME WORDS...: three steps, and what each kernel takes. Each launch is timed by itself, so the shares count, not the sum.
profile() {
  local name=$1
  shift
  printf '[profiling.logger]\nlevel = "basic"\nstderr = true\n' >"$BIN/cubecl.toml"
  yes | head -n 3 | (cd "$BIN" && timeout 60 ./native "$@") >"$OUT/$name" 2>&1
  rm "$BIN/cubecl.toml"
  echo "$name: $(wc -l <"$OUT/$name") lines"
}

case ${1:-} in
  pack) (($# == 2)) || { usage && exit 2; } && pack "$(realpath -m "$2")" ;;
  run) (($# == 3 || $# == 4)) || { usage && exit 2; } && run "${@:2}" ;;
  *) usage && exit 2 ;;
esac
