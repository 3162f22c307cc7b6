#!/usr/bin/env bash
# Installs missing tools, then builds, serves or tests the page. Build output is in a cache folder outside the clone.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
ROOT=$PWD
CACHE=${DAAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/daad}
OWN=$CACHE/clones/$(cksum <<<"$ROOT" | cut -d' ' -f1) # files of this clone only
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}

WASM=wasm32-unknown-unknown
NODE_MIN=18.19
NODE_MIN_TESTS=20.19 # Vite needs it, which tests the package
RUST_MIN=$(sed -nE 's/^rust-version = "(.*)"/\1/p' Cargo.toml)

usage() {
  cat <<END
Usage: ./build.sh COMMAND

  serve [--port N] [--host H]   build the page and serve it (port 8080 and this machine only, unless told otherwise)
  web                           build the page and print its folder
  package                       build the npm package and print its file
  quick                         format, layers, types, the unit tests of library and page: what to run after every change
  test                          run everything: lints, unit and golden tests, the page in a real browser
  aarch64                       build the program for 64-bit ARM Linux and test it in an emulator; not part of test, it takes too long
  bench [PART]...               compare with onnxruntime-web and PyTorch; benches/README.md lists the parts
  help                          this text

What is missing is set up first, without asking: the wasm target and the standard library's source; for the tests Chromium, rustfmt, clippy and Python's packages; for aarch64 a C compiler and QEMU; on Debian-like systems also Rust, Node and a C compiler.

  DAAD_CACHE         where build output goes; now $CACHE
  CARGO_TARGET_DIR   where cargo's goes; now $CARGO_TARGET_DIR
  CHROMIUM           the browser of the tests; found on the PATH or installed otherwise
END
}

main() {
  local command=${1:-help}
  (($# == 0)) || shift
  case $command in
    serve)
      check_serve_options "$@"
      serve_page "$@"
      ;;
    web)
      build_page
      echo "$OWN/site"
      ;;
    package)
      set_up_building
      build_engines
      build_package
      echo "$OWN/package.tgz"
      ;;
    quick) run_quick ;;
    test) run_tests ;;
    aarch64) run_aarch64 ;;
    bench) run_benches "$@" ;;
    help | -h | --help) usage ;;
    *) die "unknown command $command; ./build.sh help lists them" ;;
  esac
}

say() { echo "$*" >&2; }
die() { say "build.sh: $*" && exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

# Checks the options before the build, so that a typing error is reported at once.
check_serve_options() {
  while (($# > 0)); do
    case $1 in
      --port | --host) (($# > 1)) || die "$1 needs a value" && shift 2 ;;
      --port=* | --host=*) shift ;;
      *) die "unknown option $1; serve takes --port N and --host H" ;;
    esac
  done
}

# ---- Set-up: a function prints nothing if there is nothing to install ----

set_up_building() {
  has cc || apt_install build-essential
  set_up_rust
  set_up_wasm_target
  set_up_std_source
  set_up_bindgen
  set_up_node
}

set_up_testing() {
  at_least "$NODE_MIN_TESTS" "$(node --version | tr -d v)" || die "the tests need Node $NODE_MIN_TESTS or newer: https://nodejs.org"
  set_up_formatting
  cargo clippy --version >/dev/null 2>&1 || set_up_lints
  has_wasm_target || [[ -x /usr/bin/clippy-driver ]] || apt_install rust-web-clippy # for the compiler that builds the engines
  find_chromium >/dev/null || apt_install chromium
  find_chromium >/dev/null || die "Chromium is missing: install it, or name one in CHROMIUM"
}

# apt_install PACKAGE...: installs packages if there is apt-get and the right to use it, otherwise fails.
apt_install() {
  local as_root=()
  has apt-get || die "missing: $*; install what these packages of Debian hold"
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || die "missing: $*; run as root: apt-get install $*"
    as_root=(sudo -n)
  fi
  say "Installing $*"
  { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"; } >&2 ||
    die "apt-get could not install $*"
}

set_up_rust() {
  has rustup || new_enough_rust || apt_install rustc-web cargo-web # Debian's newest
  new_enough_rust || die "Rust $RUST_MIN or newer is needed: rustup update stable, or see https://rustup.rs"
}

new_enough_rust() {
  has cargo && has rustc && at_least "$RUST_MIN" "$(rustc --version | cut -d' ' -f2)"
}

set_up_formatting() {
  cargo fmt --version >/dev/null 2>&1 || set_up_lints
}

set_up_lints() {
  if has rustup; then
    rustup component add rustfmt clippy || die "rustfmt and clippy are missing and rustup could not add them"
  else
    apt_install rustfmt-web rust-web-clippy
  fi
}

# Needs the compiler's own wasm target, or else Debian's compiler with the source of the standard library.
set_up_wasm_target() {
  has_wasm_target || has_debian_wasm || { has rustup && rustup target add "$WASM"; } || apt_install rustc-web cargo-web rust-web-src lld-19
}

# Threads and small engines need the source of the standard library. Without it the page is built without them.
set_up_std_source() {
  has_std_source || { has rustup && rustup component add rust-src; } ||
    say "The standard library's source is missing: the page will judge images on one core and not learn, and its engines will be larger"
}

has_std_source() { if has_wasm_target; then has_rust_source; else has_debian_wasm; fi; }
has_rust_source() { [[ -d $(rustc --print sysroot)/lib/rustlib/src/rust/library/std ]]; }
has_wasm_target() { [[ -d $(rustc --print target-libdir --target "$WASM") ]]; }
has_debian_wasm() { [[ -x /usr/bin/cargo && -d /usr/lib/rustlib/src/rust/library/std ]] && has wasm-ld-19; }

set_up_bindgen() {
  [[ -x $CARGO_TARGET_DIR/release/bindgen ]] || say "Building the tool that makes engines of modules, in about a minute"
  cargo build --release --quiet -p bindgen
}

set_up_node() {
  { has node && has npm; } || apt_install nodejs npm
  at_least "$NODE_MIN" "$(node --version | tr -d v)" || die "Node $NODE_MIN or newer is needed: https://nodejs.org"
  unless_done node_modules/.installed package-lock.json -- npm ci --no-audit --no-fund >&2
}

# set_up_venv FOLDER REQUIREMENTS
set_up_venv() {
  "$1/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$1" >&2 || { apt_install python3-venv && python3 -m venv --clear "$1" >&2; }
  unless_done "$1/.installed" "$2" -- "$1/bin/python" -m pip install --quiet -r "$2" >&2
}

find_chromium() {
  local name
  for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}

# unless_done STAMP INPUT... -- COMMAND...: runs the command unless it has already run with the same inputs.
unless_done() {
  local stamp=$1 inputs=() sum
  while shift && [[ $1 != -- ]]; do inputs+=("$1"); done
  shift
  sum=$(cksum "${inputs[@]}" | cut -d' ' -f1,2 | cksum) # of contents only: clones that differ in nothing else share their engines
  [[ -f $stamp && $(<"$stamp") == "$sum" ]] || { "$@" && echo "$sum" >"$stamp"; }
}

# ---- The page ----

build_page() {
  set_up_building
  build_engines
  build_site
}

# If no engine is built yet, the page is first served with the engine that every browser runs, then again with all engines.
serve_page() {
  local server
  set_up_building
  if [[ ! -f $OWN/pkg/webgpu/.made ]] || { has_std_source && [[ ! -f $OWN/pkg/learn-threads/.made ]]; }; then # the last engines
    build_engine cpu
    build_site
    node scripts/serve.mjs --dir "$OWN/site" "$@" &
    server=$!
    trap 'kill "$server" 2>/dev/null' EXIT
    say "The page runs on one core for now. The faster engines are being built; it then starts once more, with them and with Teach it."
    build_engines
    build_site
    trap - EXIT
    kill "$server" 2>/dev/null || exit 1 # the server has printed why it ended
    wait "$server" || true
  else
    build_engines
    build_site
  fi
  exec node scripts/serve.mjs --dir "$OWN/site" "$@"
}

# The page loads one of these engines: for WebGPU, for one core of the CPU, or for all cores with or without relaxed SIMD. For
# training it also loads an engine that trains. docs/architecture.md describes each engine. The arguments are further engines.
build_engines() {
  if has_std_source; then
    at_once build_each cpu-threads cpu-threads-relaxed learn-threads -- build_each cpu webgpu "$@"
  else
    rm -rf "$OWN"/pkg/*-threads*
    build_each cpu webgpu "$@"
  fi
}

build_each() {
  local engine
  for engine in "$@"; do build_engine "$engine" || return 1; done
}

# at_once COMMAND... -- COMMAND...: runs two commands at the same time, because the compiler uses one core for most of its time.
# Fails if one of them fails.
at_once() {
  local first=() status=0
  while [[ $1 != -- ]]; do first+=("$1") && shift; done
  (
    trap - INT # otherwise Ctrl-C would not end a job in the background
    "${first[@]}"
  ) &
  "${@:2}" || status=1
  wait $! && return "$status"
}

# All engines share one profile, so their dependencies are built once for each set of compiler flags. But Cargo keeps only one
# build of the library and would build it again for each engine, so Cargo is called only if a source has changed.
build_engine() {
  local out=$OWN/pkg/$1
  mkdir -p "$out"
  describe_compiler >"$out/compiler"
  # shellcheck disable=SC2046 # no source has a space in its name
  unless_done "$out/.made" $(find src -type f | LC_ALL=C sort) "$out/compiler" Cargo.toml Cargo.lock build.rs build.sh scripts/plain-wasm.mjs scripts/bindgen/main.rs -- take_engine "$1" "$out"
}

# take_engine NAME FOLDER: copies the engine from the cache if any clone has built it from the same sources, otherwise builds
# it. The cache keeps the three builds of each engine that were used last. Clones take turns, because all engines have the same
# file name in a target folder.
take_engine() (
  all=$CACHE/engines/$1 kept=$CACHE/engines/$1/${sum// /-} part=$CACHE/engines/$1/unfinished # `sum` is a variable of unless_done, which calls this
  mkdir -p "$all" "$(target_of "$1")"
  if has flock; then exec {lock}>"$(target_of "$1")/engine.lock" && flock "$lock"; fi
  if [[ ! -d $kept ]]; then
    rm -rf "$part" && mkdir "$part" && make_engine "$1" "$part" && mv "$part" "$kept" || exit 1
    # shellcheck disable=SC2012 # all these names consist of digits
    (cd "$all" && ls -td [0-9]* | tail -n +4 | xargs rm -rf)
  fi
  touch "$kept"
  cp -r "$kept/." "$2"
)

# The inputs of an engine's build other than its sources.
describe_compiler() {
  if has_wasm_target; then rustc --version; else /usr/bin/rustc --version; fi
  if has_std_source; then echo "a standard library of our own"; fi
}

make_engine() {
  if [[ $1 == abi ]]; then make_plain "$2"; return; fi
  for_engine "$1" build &&
    "$CARGO_TARGET_DIR/release/bindgen" "$(target_of "$1")/$WASM/engine/daad.wasm" "$2"
}

# Cargo locks its folder while it builds, so the engines that are built at the same time have two folders.
target_of() { case $1 in *-threads*) echo "$CARGO_TARGET_DIR/threads" ;; *) echo "$CARGO_TARGET_DIR" ;; esac; }

# daad.wasm, for hosts that are not browsers. When Cargo links a module, it exports every function that the crates of
# wasm-bindgen have for its tool, and these functions need imports. Linked only from our functions, the module has neither. The
# crate type rlib is there so that the dependencies are the same builds as for the other engines.
make_plain() {
  # shellcheck disable=SC2046 # no name of a function has a space in it
  for_engine abi rustc --crate-type staticlib,rlib &&
    link_wasm --no-entry --gc-sections --strip-all --stack-first -z stack-size=1048576 $(exported_functions) "$CARGO_TARGET_DIR/$WASM/engine/libdaad.a" -o "$1/linked.wasm" &&
    node scripts/plain-wasm.mjs "$1/linked.wasm" "$1/daad.wasm" && rm "$1/linked.wasm"
}

exported_functions() { sed -nE 's/^pub extern "C" fn (daad_[a-z_]+).*/--export=\1/p' src/abi/mod.rs; }

# The linker of the compiler that builds the engines.
link_wasm() {
  if has_wasm_target; then
    "$(rustc --print sysroot)/lib/rustlib/$(rustc --version --verbose | sed -n 's/^host: //p')/bin/rust-lld" -flavor wasm "$@"
  else
    wasm-ld-19 "$@"
  fi
}

# for_engine NAME COMMAND ARGUMENT...: runs cargo with the options that this engine needs.
for_engine() {
  local engine=$1 command=(cargo "$2" --lib --profile engine --target "$WASM" --no-default-features) arguments=("${@:3}") name
  local -x RUSTFLAGS="-C target-feature=+simd128"
  command+=(--target-dir "$(target_of "$engine")")
  case $engine in
    *-threads*)
      RUSTFLAGS+=",+atomics,+bulk-memory,+mutable-globals"
      for name in shared-memory import-memory max-memory=2147483648 export=__{wasm_init_tls,tls_size,tls_align,tls_base,heap_base}; do RUSTFLAGS+=" -C link-arg=--$name"; done
      ;;
  esac
  case $engine in
    cpu) command+=(--features cpu) ;;
    abi) command+=(--features abi) ;;
    cpu-threads) command+=(--features cpu,threads) ;;
    cpu-threads-relaxed)
      command+=(--features cpu,threads,relaxed -Z profile-rustflags)
      # Only the kernels use relaxed SIMD; everything else is shared with the engine without it.
      for name in daad pulp pulp-wasm-simd-flag; do command+=(--config "profile.engine.package.$name.rustflags=['-Ctarget-feature=+relaxed-simd']"); done
      ;;
    learn-threads) command+=(--features learn,threads) ;;
    # Its kernels run on the GPU, so its code is optimised for size. A second engine that does not train would be a sixth
    # smaller, but would take ten minutes more to build on a fresh machine.
    webgpu) command+=(--features learn,webgpu --config "profile.engine.package.daad.opt-level='z'") ;;
  esac
  if has_std_source; then
    # Our own build of the standard library supports threads. It is built without panic messages, like all other code; they
    # would be a tenth of the download.
    local -x RUSTC_BOOTSTRAP=1
    RUSTFLAGS+=" -Z unstable-options -C panic=immediate-abort"
    command+=(-Zbuild-std=std -Zbuild-std-features=optimize_for_size)
  fi
  if has_wasm_target; then
    "${command[@]}" "${arguments[@]}"
  else
    RUSTC=/usr/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 /usr/bin/"${command[@]}" "${arguments[@]}"
  fi
}

# Builds the package for all kinds of host.
build_package() {
  has_std_source || die "the package needs the standard library's source: rustup component add rust-src"
  build_engine abi
  node scripts/package.mjs --pkg "$OWN/pkg" --out "$OWN/package"
  (cd "$OWN" && mv "$(npm pack --silent ./package)" package.tgz)
}

build_site() { node scripts/site.mjs --pkg "$OWN/pkg" --models models --out "$OWN/site" --compressed "$CACHE/compressed"; }

# ---- The tests: fast ones first ----

RESULTS=() PASSED=0 FAILED=""

run_quick() {
  end_at_interrupt
  set_up_node
  set_up_formatting
  step_fast
  step library-units "" test_library
  summary
}

run_tests() {
  end_at_interrupt
  set_up_building
  set_up_testing
  mkdir -p "$OWN"
  if [[ -z ${XDG_RUNTIME_DIR:-} ]]; then # wgpu looks for it
    export XDG_RUNTIME_DIR=$OWN/run
    mkdir -m 700 "$XDG_RUNTIME_DIR" 2>/dev/null || true
  fi

  step_fast
  step native-tests "" test_natively
  step native-scores "" score_gallery
  step onnx "" test_onnx
  step clippy "" lint_natively # after the steps that run the program, because it leaves a library without optimisation in the same place
  step engines "" build_engines abi
  step wasm-abi "engines native-scores" test_plain
  step clippy-web "" lint_engines
  step site engines build_site
  step package engines build_package
  step hosts "package native-scores" test_on_hosts
  step browser "site native-scores" test_in_browser
  summary
}

# Some programs end at Ctrl-C as if they had failed or succeeded by themselves, and the next step would begin.
end_at_interrupt() { trap 'trap - INT; kill -INT $$' INT; }

step_fast() {
  step format "" cargo fmt --check
  step layers "" scripts/check.sh
  step types "" npm run --silent check
  step web-units "" npm run --silent test:unit
}

# step NAME "STEPS IT NEEDS" COMMAND...
step() {
  local name=$1 needs=$2 start=$SECONDS need status
  shift 2
  for need in $needs; do
    [[ " $FAILED " != *" $need "* ]] || { note "$name" "$start" "FAIL (not run: $need failed)" && return; }
  done
  say "==== $name"
  set +e # a condition would switch `set -e` off inside the command too
  (set -e && "$@")
  status=$?
  set -e
  if ((status == 0)); then note "$name" "$start" pass; else note "$name" "$start" "FAIL (exit $status)"; fi
}

note() {
  local seconds=$((SECONDS - $2))
  RESULTS+=("$(printf '%6d s  %-14s %s' "$seconds" "$1" "$3")")
  if [[ $3 == pass ]]; then PASSED=$((PASSED + 1)); else FAILED+=" $1" && say "==== $1: $3"; fi
}

summary() {
  local failed
  failed=$(wc -w <<<"$FAILED" | tr -d ' ')
  printf '%s\n' "" "${RESULTS[@]}" "$PASSED passed, $failed failed"
  ((failed == 0))
}

# The tests run GPU kernels in software, on the Vulkan driver that comes with the browser (on Linux).
use_software_gpu() {
  local folder
  for folder in "$(dirname "$(readlink -f "$(find_chromium)")")" /usr/lib/chromium /opt/google/chrome; do
    [[ -f $folder/vk_swiftshader_icd.json ]] || continue
    export DAAD_TEST_GPU=1 VK_ADD_DRIVER_FILES=$folder/vk_swiftshader_icd.json LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
    break
  done
}

test_natively() {
  use_software_gpu
  [[ ${DAAD_TEST_GPU:-} || $(uname) != Linux ]] || die "the browser has no software GPU (vk_swiftshader_icd.json beside its program), without which no kernel for GPUs is tested"
  cargo test --release
}

# With little optimisation and incrementally, the library is built within a minute. Its dependencies are shared with the release.
test_library() {
  cargo test --release --lib --config profile.release.incremental=true --config profile.release.package.daad.opt-level=1
}

# Runs Clippy natively while this crate is compiled without optimisation. The dependencies are already built, whereas `cargo
# clippy` would check all of them again. This step also checks the C interface, which no engine of the page has.
lint_natively() {
  # A folder of its own, so that nobody takes this program without optimisation for the release.
  local -x CARGO_BUILD_BUILD_DIR=$CARGO_TARGET_DIR CARGO_TARGET_DIR=$OWN/lint
  with_clippy clippy-driver -Dwarnings -- cargo build --release --features abi --lib --bins --tests --benches --config profile.release.package.daad.opt-level=0
}

# Checks the code for browsers: the two engines that train have all of it. Their dependencies are already built. With unstable
# options the compiler takes the output of CubeCL's macro for our code, so a lint about semicolons is off.
lint_engines() { at_once lint_engine learn-threads -- lint_engine webgpu; }

lint_engine() {
  local driver=clippy-driver
  has_wasm_target || driver=/usr/bin/clippy-driver
  with_clippy "$driver" -Dwarnings -Aclippy::semicolon-if-nothing-returned -- \
    for_engine "$1" rustc --crate-type rlib --config profile.engine.package.daad.opt-level=0
}

# with_clippy DRIVER FLAG... -- COMMAND...
with_clippy() {
  local -x RUSTC_WORKSPACE_WRAPPER=$1 CLIPPY_ARGS=""
  while shift && [[ $1 != -- ]]; do CLIPPY_ARGS+="${1}__CLIPPY_HACKERY__"; done
  shift
  "$@"
}

# A model with an alignment score, for tests.
PLUS=tests/models/daad_plus.safetensors

# Writes the native scores, which the engines must reproduce: of each model on the images of the same name, and of the test model
# on papers.
score_gallery() { score_with native cargo run --release --quiet; }

# score_with NAME COMMAND...: writes the scores to NAME.jsonl and NAME-plus.jsonl; the command runs the program.
score_with() {
  local model
  for model in models/*.safetensors; do
    [[ -f $model ]] || die "models/ holds no .safetensors file"
    "${@:2}" -- score --device cpu --model "$model" --json "www/gallery/$(basename "$model" .safetensors)"
  done >"$OWN/$1.jsonl"
  "${@:2}" -- score --device cpu --model "$PLUS" --json www/gallery/piped >"$OWN/$1-plus.jsonl"
}

ONNX=$CACHE/tests-venv

# Checks that onnxruntime computes the same from exported models as this library.
test_onnx() {
  set_up_venv "$ONNX" tests/onnx/requirements.txt
  rm -rf "$OWN/onnx"
  mkdir -p "$OWN/onnx"
  DAAD_ONNX_CASES=$OWN/onnx cargo test --release --quiet --test integration exchange::models_of_every_system
  "$ONNX/bin/python" tests/onnx/check.py "$OWN/onnx"
}

test_in_browser() {
  mkdir -p "$OWN/screenshots"
  say "Screenshots: $OWN/screenshots"
  CHROMIUM=$(find_chromium) DAAD_SITE=$OWN/site DAAD_NATIVE_SCORES=$OWN/native.jsonl DAAD_SCREENSHOTS=$OWN/screenshots npm run --silent test:e2e
}

HOSTS=$CACHE/hosts

# Tests the packed package in Node, Deno, Bun, Cloudflare's runtime, Vite and plain pages. It uses `npm install`, because `npm
# ci` refuses the lock file that `npm install` writes for an optional part of Vite.
test_on_hosts() {
  mkdir -p "$HOSTS" "$OWN/screenshots"
  cp tests/npm/support/package.json tests/npm/support/package-lock.json "$HOSTS"
  unless_done "$HOSTS/.installed" tests/npm/support/package.json tests/npm/support/package-lock.json -- npm install --prefix "$HOSTS" --no-audit --no-fund >&2
  CHROMIUM=$(find_chromium) DAAD_PACKAGE=$OWN/package.tgz DAAD_HOSTS=$HOSTS DAAD_NATIVE_SCORES=$OWN/native.jsonl DAAD_SCREENSHOTS=$OWN/screenshots npm run --silent test:npm
}

# Checks that daad.wasm in wasmtime, called from Python, gives the same scores.
test_plain() {
  local venv=$CACHE/wasmtime-venv
  build_engine abi
  set_up_venv "$venv" tests/wasm/requirements.txt
  "$venv/bin/python" tests/wasm/check.py "$OWN/pkg/abi/daad.wasm" "$PLUS" "$OWN/native-plus.jsonl"
}

# ---- The program for aarch64 Linux: small computers with cameras ----

ARM=aarch64-unknown-linux-gnu

run_aarch64() {
  has cc || apt_install build-essential
  set_up_rust
  has_rust_source || { has rustup && rustup component add rust-src; } || apt_install rust-web-src
  has aarch64-linux-gnu-gcc && [[ -d $ARM_LIBRARIES/include ]] || apt_install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  has qemu-aarch64 || apt_install qemu-user
  has node || apt_install nodejs
  mkdir -p "$OWN"
  step program "" for_aarch64 build --bin daad
  step kernels program for_aarch64 test --lib --test integration -- kernel golden --skip gpu
  step scores program score_on_aarch64
  say "The program: $CARGO_TARGET_DIR/aarch64/$ARM/release/daad"
  summary
}

ARM_LIBRARIES=/usr/aarch64-linux-gnu

# for_aarch64 COMMAND ARGUMENT...: runs cargo for aarch64 and builds the standard library from source, which also works with
# Debian's Rust. The output has a folder of its own: RUSTC_BOOTSTRAP changes the features that build scripts find, so otherwise the
# native build would start again. With "test" in build-std the program and its tests share their dependencies.
for_aarch64() {
  CARGO_TARGET_DIR=$CARGO_TARGET_DIR/aarch64 RUSTC_BOOTSTRAP=1 \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L $ARM_LIBRARIES" \
    cargo "$1" --release --target "$ARM" -Zbuild-std=std,test --no-default-features --features cpu,rayon,train "${@:2}"
}

# Checks that the emulated processor gives the same scores for the images of the gallery as this processor.
score_on_aarch64() {
  score_gallery
  score_with aarch64 for_aarch64 run --quiet --bin daad
  node scripts/same-scores.mjs "$OWN/native.jsonl" "$OWN/aarch64.jsonl"
  node scripts/same-scores.mjs "$OWN/native-plus.jsonl" "$OWN/aarch64-plus.jsonl"
}

# ---- The benchmarks ----

run_benches() {
  set_up_building
  set_up_testing
  unless_done benches/node_modules/.installed benches/package-lock.json -- npm ci --prefix benches --no-audit --no-fund >&2
  [[ $* == gpu ]] || set_up_venv "$PEERS" benches/pytorch/requirements.txt # PyTorch, which the part `gpu` does not need
  use_software_gpu
  export DAAD_BENCH=$CACHE/bench DAAD_BENCH_PYTHON=$PEERS/bin/python
  CHROMIUM=$(find_chromium) exec node benches/run.js "$@"
}

PEERS=$CACHE/bench/venv

main "$@"; exit # bash reads this line at once, so the script may be edited while it runs
