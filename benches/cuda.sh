#!/usr/bin/env bash
# Builds with CUDA on a machine without CUDA: LLVM, the device library and the assembler come from PyPI (160 MB).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CACHE=${DAAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/daad}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
CUDA=$CACHE/cuda
LLVM=23.1.0-4 # the version that tracel-llvm-bundler in Cargo.lock requires
PACKAGES="mlc-llvm-static==23.1.1.post0 mlc-llvm-static-extra-targets==23.1.1.post0 nvidia-cuda-nvcc==13.5.37 nvidia-nvvm==13.5.37"

usage() {
  cat <<END
Usage: benches/cuda.sh build             builds benches/native with CUDA and prints its path
       benches/cuda.sh libdevice         prints the path of what CUDA_PATH has to hold at run time
       benches/cuda.sh registers [WIDTH] what ptxas says of each kernel of a training step of DAAD+ (eight images of 256², w = 16), without a GPU
END
}

set_up() {
  [[ -f $CUDA/.installed && $(<"$CUDA/.installed") == "$PACKAGES" ]] && return
  rm -rf "$CUDA"
  mkdir -p "$CUDA/wheels" "$CUDA/data/tracel"
  # shellcheck disable=SC2086 # several packages
  python3 -m pip download --quiet --no-deps --dest "$CUDA/wheels" $PACKAGES >&2
  for wheel in "$CUDA"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$CUDA"; done
  mv "$CUDA/mlc_llvm_static/static" "$CUDA/data/tracel/tracel-llvm-$LLVM"
  chmod +x "$CUDA/data/tracel/tracel-llvm-$LLVM"/bin/* "$CUDA"/nvidia/cu13/bin/*
  touch "$CUDA/data/tracel/tracel-llvm-$LLVM/.tracel-llvm-installed" # otherwise its build script downloads LLVM to another folder
  rm -rf "$CUDA/wheels"
  echo "$PACKAGES" >"$CUDA/.installed"
}

build() {
  XDG_DATA_HOME=$CUDA/data CUDARC_CUDA_VERSION=13000 cargo build --release --features cuda --bench native --message-format=json |
    node -e 'for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
      const { executable, target } = JSON.parse(line);
      if (executable && target.name === "native") console.log(executable);
    }'
}

registers() {
  local width=$1 work program file name found
  program=$(build)
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # $work is expanded now, not when the trap runs
  trap "rm -rf '$work'" EXIT
  "${CC:-cc}" -shared -fPIC -O1 -o "$work/libcuda.so" benches/cuda/driver.c
  "$program" model "$width" 256 "$work/model" >"$work/log"
  head -c $((8 * 3 * 256 * 256)) /dev/zero >"$work/images"
  printf '%s\n' 1 2 3 | DRIVER_OUT=$work LD_LIBRARY_PATH=$work CUDA_PATH=$CUDA/nvidia/cu13 "$program" train "$work/model" "$work/images" daad+ --device cuda >"$work/log"
  echo "seconds of the CPU for three steps, the first with the compilation of kernels: $(grep -o '"seconds":[0-9.]*' "$work/log" | cut -d: -f2 | xargs)"
  echo "registers  bytes spilled  launches in three steps  cubes of a launch  kernel"
  for file in "$work"/*.ptx; do
    name=$(basename "$file" .ptx)
    found=$("$CUDA/nvidia/cu13/bin/ptxas" -v -arch=sm_90a "$file" -o "$work/cubin" 2>&1)
    printf '%9s %14s %24s %18s  %s\n' "$(grep -oE 'Used [0-9]+' <<<"$found" | cut -d' ' -f2)" "$(grep -oE '[0-9]+ bytes spill stores' <<<"$found" | cut -d' ' -f1)" \
      "$(grep -c "^$name " "$work/launches")" "$(grep "^$name " "$work/launches" | cut -d' ' -f2 | sort -un | sed -n '1p;$p' | uniq | paste -sd-)" "$(sed -nE 's/.*\.entry ([a-z0-9_]+)\(.*/\1/p' "$file")"
  done | sort -rn
}

case ${1:-} in
  build) set_up; build ;;
  libdevice) set_up; echo "$CUDA/nvidia/cu13/nvvm/libdevice/libdevice.10.bc" ;;
  registers) set_up; registers "${2:-16}" ;;
  *) usage && exit 2 ;;
esac
