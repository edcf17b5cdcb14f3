#!/usr/bin/env bash
# Which lines of the core no test of sealgram, sealgram-sim or sealgram-std runs: writes docs/coverage.md, and fails if
# fewer than 95 in a hundred are run, or if one that is not has no reason there.
#
# Whoever adds a reason writes it into the table; the next run keeps it, as long as the code it stands beside is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/cache.sh
source scripts/cache.sh

LEAST_PERCENT=95
# The tools have to be of the LLVM that rustc has, or they cannot read what its programs write.
LLVM=$(rustc --version --verbose | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
DOCUMENT=docs/coverage.md

work=$(cache_folder coverage)
profiles=$work/profiles
mkdir -p "$work"
# Our own crates alone are instrumented, so that what they depend on is built once for all purposes.
export RUSTC_WORKSPACE_WRAPPER=$work/instrument CARGO_INCREMENTAL=0
printf '#!/bin/sh\nexec "$@" -C instrument-coverage\n' >"$RUSTC_WORKSPACE_WRAPPER"
chmod +x "$RUSTC_WORKSPACE_WRAPPER"

# What the programs say, put together: `file:line count` for each line of the core that has code.
measure() {
  local programs program objects=()
  rm -rf "$profiles"
  mkdir -p "$profiles"
  LLVM_PROFILE_FILE=$profiles/build-%m.profraw cargo test --locked --lib --tests --no-run --message-format=json \
    -p sealgram -p sealgram-sim -p sealgram-std >"$work/build.json"
  programs=$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$work/build.json")
  rm -f "$profiles"/*
  LLVM_PROFILE_FILE=$profiles/%4m.profraw cargo test --locked --quiet --lib --tests \
    -p sealgram -p sealgram-sim -p sealgram-std >"$work/tests.log" || { tail -n 30 "$work/tests.log" >&2; return 1; }
  for program in $programs; do objects+=(--object "$program"); done
  "llvm-profdata-$LLVM" merge --sparse "$profiles"/*.profraw --output "$work/all.profdata"
  "llvm-cov-$LLVM" export --format=lcov --instr-profile "$work/all.profdata" "${objects[@]}" >"$work/all.lcov"
  awk -F '[:,]' -v root="$PWD/" '
    /^SF:/ { path = substr($0, 4); ours = index(path, root "crates/sealgram/src/") == 1; path = substr(path, length(root) + 1) }
    /^DA:/ && ours { print path ":" $2 " " $3 }
  ' "$work/all.lcov"
}

# Leaves out what is compiled for tests and fuzzing alone: files of tests, and what follows the first #[cfg(test)] module of a file.
without_tests() {
  local file line from
  for file in $(cd crates/sealgram/src && find . -name '*.rs' | sed 's|^\./||'); do
    case $file in
      */tests/* | internals/* | vectors/* | */tests.rs | */testing.rs | test_rng.rs | */fake_aead.rs | */vectors.rs | */laws.rs | error/table.rs) from=0 ;;
      *) from=$(awk '/^#\[cfg\(test\)\]/ { at = NR } at && /^(pub\(crate\) )?mod .* \{/ { print at; exit }
                     !/^#/ { at = 0 }' "crates/sealgram/src/$file") ;;
    esac
    echo "crates/sealgram/src/$file ${from:-1000000}"
  done >"$work/ends"
  awk 'NR == FNR { end[$1] = $2; next } { split($1, at, ":"); if (at[2] < end[at[1]]) print }' "$work/ends" -
}

# Puts lines without a run together that have no line with one between them: `file|lines|how it begins`, where a method
# that many types have begins with its type. The bars of the code are broken, for the table.
regions() {
  local file first lines text
  sort -t : -k 1,1 -k 2,2n | awk -F '[: ]' '
    function emit() { if (lines) print file, first, lines; lines = 0 }
    $1 != file || $3 > 0 { emit() }
    { file = $1 }
    $3 == 0 { if (!lines++) first = $2 }
    END { emit() }
  ' | while read -r file first lines; do
    text=$(sed -n "${first}{s/^ *//;p}" "$file")
    case $text in "fn fmt("* | "fn try_"*) text=$(head -n "$first" "$file" | grep '^ *impl' | tail -n 1) ;; esac
    printf '%s|%s|%s\n' "${file#crates/sealgram/src/}" "$lines" "$(sed 's/|/\xc2\xa6/g;s/`//g;s/ {$//' <<<"$text")"
  done
}

# The table, each row with the reason that the document has for the same code.
table() {
  awk -F ' *[|] *' '
    NR == FNR { if (/^\| `/) reason[$2 " " $4] = $5; next }
    { file = "`" $1 "`"; code = "`" $3 "`"; print "| " file " | " $2 " | " code " | " reason[file " " code] " |" }
  ' "$DOCUMENT" - | sed 's/|  |$/| |/'
}

need "llvm-cov-$LLVM" "llvm-$LLVM"
measure | without_tests >"$work/lines"
lines=$(wc -l <"$work/lines")
run=$(awk '$2 > 0' "$work/lines" | wc -l)
percent=$(awk -v run="$run" -v lines="$lines" 'BEGIN { printf "%.2f", 100 * run / lines }')
regions <"$work/lines" | table >"$work/rows"
{
  sed '/^## Not run$/,$d' "$DOCUMENT" | sed "s/^Of [0-9]* lines.*/Of $lines lines with code, $run are run: $percent %./"
  printf '## Not run\n\n| file | lines | beginning with | reason |\n|---|---|---|---|\n'
  cat "$work/rows"
} >"$work/document"
cp "$work/document" "$DOCUMENT"

echo "coverage: $run of $lines lines, $percent %"
bare=$(grep -c '| |$' "$DOCUMENT" || true)
if [ "$bare" -gt 0 ]; then
  grep '| |$' "$DOCUMENT"
  echo "$bare regions are not run and have no reason in $DOCUMENT"
  exit 1
fi
awk -v run="$run" -v lines="$lines" -v least=$LEAST_PERCENT 'BEGIN { exit 100 * run < least * lines }'
