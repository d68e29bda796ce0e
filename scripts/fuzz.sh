#!/usr/bin/env bash
# Fuzzes what reads files and messages (tests/fuzz), one target after the other, with libFuzzer.
#   scripts/fuzz.sh [SECONDS] [TARGET...]     default: 600 seconds each, all targets
# Begins with the inputs kept in tests/fuzz/corpus and those that earlier runs left in
# build/fuzz/corpus. An input that ends a target is kept in build/fuzz/findings; exit 1 then.
# Again:  build/fuzz/bin/fuzz_TARGET FILE
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/stages.sh"
cd "$root"

all_targets=(annotations config manifest messages range_file range_content run_content run_texts strip lz4
  slurm tiff)
seconds=600
if (($# > 0)) && [[ $1 =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
targets=("$@")
if ((${#targets[@]} == 0)); then targets=("${all_targets[@]}"); fi
for target in "${targets[@]}"; do
  if [[ " ${all_targets[*]} " != *" $target "* ]]; then
    echo "fuzz.sh: no target $target; there are: ${all_targets[*]}" >&2
    exit 64
  fi
done

stage build-fuzz build fuzz "${targets[@]/#/fuzz_}"

findings=build/fuzz/findings
mkdir -p "$findings"
scratch=$(mktemp -d -p /dev/shm 2>"$logs/fuzz-scratch.log" || mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch
export ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0

# run_target TARGET: one line of what it did; 1 when it found something.
run_target() {
  local target=$1 log=$logs/fuzz-$1.log kept=tests/fuzz/corpus/$1 status=0
  local corpora=("build/fuzz/corpus/$target")
  mkdir -p "${corpora[0]}"
  if [[ -d $kept ]]; then corpora+=("$kept"); fi
  "build/fuzz/bin/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=512 -print_final_stats=1 -artifact_prefix="$findings/$target-" \
    "${corpora[@]}" >"$log" 2>&1 || status=$?
  local runs edges
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  printf '%-14s %10s runs  %6s edges  %s\n' "$target" "${runs:-?}" "${edges:-?}" \
    "$( ((status == 0)) && echo 'no finding' || echo 'FINDING')"
  if ((status == 0)); then return 0; fi
  grep -E '^SUMMARY|does not hold|what\(\)|Test unit written' "$log" >&2 || tail -n 20 "$log" >&2
  return 1
}

found=0
for target in "${targets[@]}"; do
  run_target "$target" || found=1
done
exit "$found"
