#!/usr/bin/env bash
# Checks the rules of the architecture that no compiler checks. Prints one line for each violation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

violations=0

main() {
  LAYERS=$(layers)
  imports_go_down

  local portable
  portable=$(library 'src/(dataset/|device/|evaluate/|file\.rs|settings/|train/|main\.rs|cli/)')
  forbid 'wasm_bindgen|js_sys|web_sys|console_log|console_error_panic_hook' "the browser is known only to src/web" "$(library 'src/web/')"
  forbid 'std::fs|\bfs::|\bFile::|\bclap\b|\bctrlc\b|\bindicatif\b|\btempfile\b' "files and the terminal are known only to the native modules" "$portable"
  forbid '\bInstant\b|\bSystemTime\b' "clocks are known only to the native modules" "$portable"
  forbid 'target_(family|arch|os)' "the target is chosen only in src/lib.rs and Cargo.toml" "$(library 'src/lib\.rs')"
  forbid '\b(e?print(ln)?|dbg)!' "the library never prints" "$(library 'src/(main\.rs|cli/)')"
  forbid '#!?\[allow\(' 'write #[expect(…, reason = "…")]' "$(find src tests benches -name '*.rs' 2>/dev/null)"
  forbid '(import|from)[ (].*pkg/|import\([^"]' "only npm/src/platform loads engines; all else is imported by its name" "$(find www npm/src -name "*.js" ! -path "npm/src/platform/*")"
  target_cfgs_are_on_mod_lines
  no_path_of_one_machine

  if ((violations > 0)); then
    echo "$violations violations of the layer rules (described in src/lib.rs)" >&2
    exit 1
  fi
}

# library PATTERN: the library's files whose path does not match the pattern.
library() {
  find src -name '*.rs' | grep -vE "$1" | sort
}

# report FILE:LINE REASON
report() {
  echo "$1: $2"
  violations=$((violations + 1))
}

# code FILES: prints the lines without comments as `file:line:text`.
code() {
  # shellcheck disable=SC2086 # no path here has spaces
  awk '{ sub(/(^|[ \t])\/\/.*/, ""); printf "%s:%d:%s\n", FILENAME, FNR, $0 }' $1
}

# forbid PATTERN REASON FILES
forbid() {
  [[ -n $3 ]] || return 0
  local file line text
  while IFS=: read -r file line text; do
    report "$file:$line" "$2: ${text#"${text%%[! ]*}"}"
  done < <(code "$3" | grep -E "^[^:]*:[0-9]+:.*($1)")
}

# The layers that src/lib.rs describes, as lines of `level module`; level 1 is the top.
layers() {
  sed -n '/imports go one way/,/\.$/ s|^//!||p' src/lib.rs | tr '\n' ' ' | sed 's/→/\n/g' |
    awk '{ while (match($0, /`[a-z_]+`/)) { print NR, substr($0, RSTART + 1, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH) } }'
}

# The names that src/lib.rs re-exports from the root, as lines of `name module`.
exports() {
  sed -nE 's/^pub use ([a-z_]+)::\{?([^};]+)\}?;/\1,\2/p' src/lib.rs | tr -d ' ' | awk -F, '{ for (i = 2; i <= NF; i++) print $i, $1 }'
}

imports_go_down() {
  local at module imported
  while read -r at module imported; do
    case $imported in
      "$module") ;;
      super) report "$at" "write crate:: for another module, so that its layer can be checked" ;;
      *)
        if [[ -z $(layer "$module") || -z $(layer "$imported") ]]; then
          report "$at" "$module imports $imported, and one of them has no layer in src/lib.rs yet"
        elif (($(layer "$imported") <= $(layer "$module"))); then
          report "$at" "$module may not import $imported: imports go down only"
        fi
        ;;
    esac
  done < <(imports)
}

layer() {
  awk -v name="$1" '$2 == name { print $1 }' <<<"$LAYERS"
}

# Every import inside the library, as lines of `file:line module imported`. `imported` is `super` if the import leaves its module with `super`.
imports() {
  code "$(find src -name '*.rs' ! -path src/lib.rs ! -path src/main.rs ! -path 'src/cli/*' | sort)" | awk -v exports="$(exports)" '
    BEGIN {
      count = split(exports, line, "\n")
      for (i = 1; i <= count; i++) { split(line[i], pair, " "); home[pair[1]] = pair[2] }
    }
    function found(name) {
      gsub(/[ \t]/, "", name); sub(/::.*/, "", name)
      if (name != "") print at, module, (name in home) ? home[name] : name
    }
    {
      split($0, part, ":"); text = substr($0, length(part[1] part[2]) + 3)
      if (open) text = open " " text; else at = part[1] ":" part[2]
      if (text ~ /^[ \t]*(pub )?use / && text !~ /;/) { open = text; next }
      open = ""
      module = part[1]; sub(/^src\//, "", module); sub(/[\/.].*/, "", module)
      is_root = part[1] ~ /^src\/[a-z_]+(\.rs|\/mod\.rs)$/
      if (text ~ /super::super/ || (is_root && text ~ /^(pub )?use super::/)) print at, module, "super"
      while (match(text, /crate::/)) {
        text = substr(text, RSTART + RLENGTH)
        if (text !~ /^\{/) { match(text, /^[A-Za-z_]+/); found(substr(text, 1, RLENGTH)); continue }
        while (gsub(/::\{[^{}]*\}/, "", text)) {}
        group = substr(text, 2, index(text, "}") - 2)
        many = split(group, name, ",")
        for (i = 1; i <= many; i++) found(name[i])
      }
    }'
}

target_cfgs_are_on_mod_lines() {
  local at
  while read -r at; do
    report "$at" "a target cfg may only choose a module"
  done < <(awk 'expected && !/^(pub )?mod / { print expected } { expected = /target_(family|arch|os)/ ? FILENAME ":" FNR : "" }' src/lib.rs)
}

no_path_of_one_machine() {
  local file line text
  while IFS=: read -r file line text; do
    # The page has a folder of this name.
    [[ $file == www/* && $text == ../share[d]/*.js ]] && continue
    report "$file:$line" "a path of one machine: $text"
  done < <(committed | xargs -0 grep -snoaHE '(^|[^a-zA-Z0-9_.-])/(work|tmp|root|home/[a-z]+|Users/[a-z]+)/[a-zA-Z0-9_./-]*|\.\./shared[a-zA-Z0-9_./-]*')
}

# All files that are committed or could be committed. Without git, as in a source archive, all files.
committed() {
  git ls-files -z --cached --others --exclude-standard 2>/dev/null || find . -type f ! -path './node_modules/*' ! -path './target/*' -print0
}

main
