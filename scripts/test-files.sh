#!/usr/bin/env bash
# scripts/test-files.sh FILE...: runs test files of Node side by side, each in a process of its own, and shows what each said when
# it has ended. A browser or a host on a busy machine may stop answering: a file that fails is run once more, alone, and fails if
# it does so again. What only passed at the second try is named at the end, so that nobody overlooks it.
set -euo pipefail

FILE_LIMIT_MS=400000
SIDE_BY_SIDE=2

LOGS=$(mktemp -d)
trap 'rm -rf "$LOGS"' EXIT

passes() { node --test --test-timeout="$FILE_LIMIT_MS" "$1"; }

first_try() {
  local log
  log=$LOGS/$(basename "$1")
  if passes "$1" >"$log" 2>&1; then cat "$log"; else cat "$log" && echo "$1" >>"$LOGS/failed"; fi
}
export -f passes first_try
export FILE_LIMIT_MS LOGS

printf '%s\0' "$@" | xargs -0 -n 1 -P "$SIDE_BY_SIDE" bash -c 'first_try "$0"'

failed=() twice=()
if [[ -f $LOGS/failed ]]; then
  while read -r file; do
    echo "==== $file failed; it runs once more"
    if passes "$file"; then twice+=("$file"); else failed+=("$file"); fi
  done <"$LOGS/failed"
fi
((${#twice[@]} == 0)) || echo "==== passed at the second try only: ${twice[*]}"
((${#failed[@]} == 0)) || { echo "==== failed twice: ${failed[*]}" && exit 1; }
