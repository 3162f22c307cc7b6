#!/usr/bin/env bash
# Tests a GPU in one run: whether our kernels agree with the CPU's, and how fast training and scoring are.
set -uo pipefail

usage() {
  cat <<END
Usage: benches/gpu.sh pack FOLDER
       benches/gpu.sh run FOLDER OUT [DEVICE]

pack builds the programs here and packs them into FOLDER. run needs no Rust: it unpacks them on the machine with the GPU and writes a file into OUT for
each part, and table.md and results.json of all. A part that fails or hangs does not end the others. Where python3 has PyTorch with CUDA, it takes the
same steps. DEVICE is as of the program's own --device: gpu:0 unless told otherwise.

  CUDA     1: pack builds for CUDA, too (benches/cuda.sh), and run measures it as well
  WIDTHS   widths w of the networks; 16 and 64 unless told otherwise
  SIZE     side of the images in pixels; 256 unless told otherwise
  SECONDS_OF_TRAINING  of a DAAD+ as wide as the last of WIDTHS, half of them before it is interrupted and half after; 300 unless told otherwise
END
}

PROGRAMS="daad native integration launches"
PEER="train.py score.py network.py images.py protocol.py"
BATCH=8
WIDTHS=${WIDTHS:-16 64}
SIZE=${SIZE:-256}
SECONDS_OF_TRAINING=${SECONDS_OF_TRAINING:-300}

pack() {
  local folder=$1 name
  set -e # an incomplete pack would be noticed only on the other machine
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
    strip -o "$folder/$name" "$(awk -v name="$name" '$1 == name { print $2 }' "$folder/programs" | tail -n 1)"
    xz -f "$folder/$name"
  done
  rm "$folder/programs"
  mkdir -p "$folder/pytorch"
  for name in $PEER; do cp "benches/pytorch/$name" "$folder/pytorch"; done
  if [[ ${CUDA:-} == 1 ]]; then
    strip -o "$folder/native-cuda" "$(benches/cuda.sh build)"
    xz -f "$folder/native-cuda"
    cp "$(benches/cuda.sh libdevice)" "$folder"
  fi
  du -h "$folder"/*
}

run() {
  local device=${3:-gpu:0} name width tasks
  FOLDER=$(realpath "$1")
  OUT=$2
  BIN=$(mktemp -d)
  trap 'rm -rf "$BIN"' EXIT
  mkdir -p "$OUT"
  rm -f "$OUT/rows" "$OUT/parts"
  export XDG_RUNTIME_DIR=$BIN # wgpu looks for it
  for name in $PROGRAMS; do xz -dc "$FOLDER/$name.xz" >"$BIN/$name" && chmod +x "$BIN/$name"; done
  head -c $((BATCH * 3 * SIZE * SIZE)) /dev/urandom >"$BIN/$BATCH"
  head -c $((3 * SIZE * SIZE)) /dev/urandom >"$BIN/1"

  NATIVE=("$BIN/native")
  part doctor 120 "$BIN/daad" doctor
  part kernels-in-three-threads 120 env DAAD_TEST_GPU=1 RUST_TEST_THREADS=3 "$BIN/integration" gpu_kernels
  part kernels-in-one-thread 120 env DAAD_TEST_GPU=1 RUST_TEST_THREADS=1 "$BIN/integration" gpu_kernels
  part launches 60 env DAAD_TEST_GPU=1 "$BIN/launches" --nocapture
  for width in $WIDTHS; do "$BIN/native" model "$width" "$SIZE" "$BIN/model-$width" >/dev/null; done
  rows ours --device "$device"
  if [[ -f $FOLDER/native-cuda.xz ]]; then
    xz -dc "$FOLDER/native-cuda.xz" >"$BIN/native-cuda" && chmod +x "$BIN/native-cuda"
    mkdir -p "$BIN/cuda/nvvm/libdevice" && cp "$FOLDER/libdevice.10.bc" "$BIN/cuda/nvvm/libdevice"
    NATIVE=(env "CUDA_PATH=$BIN/cuda" "$BIN/native-cuda")
    rows ours-cuda --device cuda
    NATIVE=("$BIN/native")
  fi
  if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    NVIDIA_TF32_OVERRIDE=0 rows pytorch
    NVIDIA_TF32_OVERRIDE=1 rows pytorch-tf32
  fi
  for width in $WIDTHS; do profile "profile-daad-w$width" train "$BIN/model-$width" "$BIN/$BATCH" daad --device "$device"; done
  for tasks in 128 512; do CUBECL_WGPU_MAX_TASKS=$tasks steps "train-daad-w${WIDTHS%% *}-$tasks-tasks" "$BATCH" "${NATIVE[@]}" train "$BIN/model-${WIDTHS%% *}" "$BIN/$BATCH" daad --device "$device"; done
  train_and_resume "${WIDTHS##* }" "$device"
  table >"$OUT/table.md"
  json >"$OUT/results.json"
  cat "$OUT/table.md"
}

# rows WHO [WORDS...]: measures training and scoring at all widths, with our program and these arguments or with PyTorch.
rows() {
  local who=$1 width system batch
  shift
  for width in $WIDTHS; do
    for system in daad daad+; do by "$who" "train-$system-w$width" "$BATCH" train "$BIN/model-$width" "$BIN/$BATCH" "$system" "$@"; done
    for batch in 1 "$BATCH"; do by "$who" "score-w$width-batch-$batch" "$batch" score "$BIN/model-$width" "$BIN/$batch" "$@"; done
  done
}

# by WHO NAME IMAGES train|score MODEL BATCH [WORDS...]
by() {
  local who=$1 name=$2 images=$3 task=$4
  case $who in
    pytorch*) steps "$name-$who" "$images" python3 "$FOLDER/pytorch/$task.py" "$5" "$6" cuda "${@:7}" ;;
    *) steps "$name-$who" "$images" "${NATIVE[@]}" "$task" "${@:5}" ;;
  esac
}

# part NAME SECONDS COMMAND...
part() {
  local name=$1 limit=$2 start=$SECONDS status
  shift 2
  timeout "$limit" "$@" >"$OUT/$name" 2>&1
  status=$?
  echo "$name $status $((SECONDS - start))" >>"$OUT/parts"
  echo "$name: status $status after $((SECONDS - start)) s; $(grep -v "^ *$" "$OUT/$name" | tail -n 1)"
}

# steps NAME IMAGES COMMAND...: runs twelve steps of IMAGES images, one per input line. Prints the median of their times and the peak of the GPU's memory.
# The first step compiles the kernels, so it is reported separately.
steps() {
  local name=$1 images=$2 watch
  shift 2
  watch_memory >"$BIN/memory" &
  watch=$!
  yes | head -n 12 | timeout 120 "$@" >"$OUT/$name" 2>&1
  kill "$watch" 2>/dev/null && wait "$watch" 2>/dev/null
  grep -oE '"seconds": ?[0-9.e-]+' "$OUT/$name" | grep -oE '[0-9.e-]+$' >"$BIN/seconds"
  tail -n +2 "$BIN/seconds" | sort -g | awk -v name="$name" -v images="$images" -v first="$(head -n 1 "$BIN/seconds")" -v mib="$(sort -n "$BIN/memory" | tail -n 1)" \
    '{ all[NR] = $1 } END { if (NR) print name, images / all[int((NR + 1) / 2)], first, mib == "" ? "-" : mib; else print name, "-", "-", "-" }' | tee -a "$OUT/rows"
}

watch_memory() { while nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null | head -n 1; do sleep 0.2; done; }

# train_and_resume WIDTH DEVICE: a training run from files that is interrupted as by Ctrl-C and resumed.
train_and_resume() {
  local settings=(--data "$BIN/floors" --size "$SIZE" --width "$1" --epochs 100000 --out "$OUT/full.safetensors" --device "$2") half=$((SECONDS_OF_TRAINING / 2))
  part synthesize 120 "$BIN/daad" synthesize --out "$BIN/floors" --train 320 --test 24 --size "$SIZE"
  part training $((half + 60)) timeout --signal INT "$half" "$BIN/daad" train "${settings[@]}"
  part training-resumed $((half + 60)) timeout --signal INT "$half" "$BIN/daad" train "${settings[@]}" --resume
}

# The measured values as a table for docs/gpu-log.md.
table() {
  echo "| what | images/s | first step, s | GPU memory at most, MiB |"
  echo "|---|---|---|---|"
  awk '{ print "| " $1 " | " $2 " | " $3 " | " $4 " |" }' "$OUT/rows"
}

# The measured values as JSON, with the exit status of the other parts.
json() {
  local value='{ gsub(/"/, ""); for (i = 2; i <= NF; i++) if ($i == "-") $i = "null" }'
  printf '{"device": "%s", "rows": [' "$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1)"
  awk "$value"' { printf "%s{\"name\": \"%s\", \"images_per_s\": %s, \"first_s\": %s, \"memory_mib\": %s}", (NR > 1 ? ", " : ""), $1, $2, $3, $4 }' "$OUT/rows"
  printf '], "parts": ['
  awk '{ printf "%s{\"name\": \"%s\", \"status\": %s, \"seconds\": %s}", (NR > 1 ? ", " : ""), $1, $2, $3 }' "$OUT/parts"
  echo ']}'
}

# profile NAME WORDS...: runs three steps and records the time of each kernel. Each launch is timed alone, so only the shares are meaningful, not the sum.
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
