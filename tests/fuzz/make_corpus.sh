#!/usr/bin/env bash
# Makes tests/fuzz/corpus anew: the seeds, which the program's own writers write, and of what
# fuzzing left in build/fuzz/corpus the smallest inputs that add coverage, at most 24 kB and 100 a
# target.
#   tests/fuzz/make_corpus.sh
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/stages.sh"
cd "$root"

most_bytes=24000
most_inputs=100
stage build-fuzz build fuzz fuzz_targets fuzz_seeds
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
build/fuzz/bin/fuzz_seeds "$work/seeds"

kept=tests/fuzz/corpus
for program in build/fuzz/bin/fuzz_*; do
  target=${program##*/fuzz_}
  if [[ $target == seeds ]]; then continue; fi
  mkdir -p "$work/seeds/$target" "$work/merged/$target" "$kept/$target" "build/fuzz/corpus/$target"
  "$program" -merge=1 -rss_limit_mb=8192 "$work/merged/$target" "$work/seeds/$target" \
    "$kept/$target" "build/fuzz/corpus/$target" >"$logs/merge-$target.log" 2>&1
  rm -rf "${kept:?}/$target"
  cp -r "$work/seeds/$target" "$kept/$target"
  bytes=$(find "$kept/$target" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
  while read -r size file; do
    bytes=$((bytes + size))
    if ((bytes > most_bytes)); then break; fi
    cp "$file" "$kept/$target/"
  done < <(find "$work/merged/$target" -type f -printf '%s %p\n' | sort -n |
    head -n "$most_inputs")
  printf '%-14s %4d inputs\n' "$target" "$(find "$kept/$target" -type f | wc -l)"
done
du -bs "$kept"
