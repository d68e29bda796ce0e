#!/usr/bin/env bash
# Installs what is missing, builds and runs every test that this machine can run.
#   scripts/test.sh [STAGE...]
# Stages, in this order (default: all):
#   setup       packages
#   format      clang-format would change nothing
#   scripts     shellcheck finds nothing
#   build       preset dev: warnings are errors
#   cuda        the GPU kernels compile with nvcc, warnings are errors; skipped without nvcc
#   tidy        clang-tidy over src/ and cuda/
#   asan        unit tests under the address and undefined-behaviour sanitizers; those of kernels in
#               one order of threads
#   tsan        tests of threads under the thread sanitizer
#   fuzz        ten seconds of every fuzz target; scripts/fuzz.sh runs them longer
#   tests       every ctest test of preset dev; its summary is the last line
# A stage that fails does not keep later ones from running, but for setup and build.
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/stages.sh"
cd "$root"

all_stages=(setup format scripts build cuda tidy asan tsan fuzz tests)

cpp_files() { find src cuda tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh'; }
run_format() { cpp_files | sort | xargs clang-format --dry-run --Werror; }
run_scripts() {
  find . -path ./build -prune -o '(' -name '*.sh' -o -name '*.sbatch' -o -path ./.ci/run ')' -print |
    sort | xargs shellcheck -x
}
# What it finds comes last, where a failed stage shows it.
run_tidy() {
  local all=$logs/tidy-all.log
  run-clang-tidy -quiet -p build/dev -j "$jobs" "^$root/(src|cuda)/.*\.cpp$" >"$all" 2>&1 && return
  grep -E -A 4 '(warning|error):' "$all"
  return 1
}

run_cuda() {
  if ! find_nvcc; then
    echo "there is no nvcc"
    return 77
  fi
  build release-cuda tilepool_cuda
}

run_asan() {
  build asan unit_tests &&
    ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1 \
      UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
      LSAN_OPTIONS=suppressions=$root/tests/lsan.supp \
      ctest --test-dir build/asan -L unit-cpp -E 'Orders/.*/[01]$' -j "$jobs" --no-tests=error
}

run_tsan() {
  # GCC 12's runtime does not know the address layouts of kernels with 32 random bits.
  local fixed_layout=()
  if setarch "$(uname -m)" -R true; then fixed_layout=(setarch "$(uname -m)" -R); fi
  build tsan thread_tests &&
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$root/tests/tsan.supp \
      "${fixed_layout[@]}" \
      ctest --test-dir build/tsan -L threads -j "$jobs" --no-tests=error
}

run_fuzz() { scripts/fuzz.sh 10; }

run_tests() { ctest --test-dir build/dev -j "$jobs" --no-tests=error; }

# The skipped tests, then ctest's summary line.
summary() {
  sed -n '/^The following tests did not run:/,/^$/p' "$logs/tests.log"
  grep -E '^[0-9]+% tests passed' "$logs/tests.log"
}

stages=("$@")
if ((${#stages[@]} == 0)); then stages=("${all_stages[@]}"); fi
for name in "${stages[@]}"; do
  if [[ " ${all_stages[*]} " != *" $name "* ]]; then
    echo "test.sh: no stage $name; there are: ${all_stages[*]}" >&2
    exit 64
  fi
done

failed=()
for name in "${all_stages[@]}"; do
  [[ " ${stages[*]} " == *" $name "* ]] || continue
  case $name in
    setup) scripts/setup.sh test ;;
    build) stage build build dev ;;
    *) stage "$name" "run_$name" || failed+=("$name") ;;
  esac
done

if ((${#failed[@]} > 0)); then echo "failed: ${failed[*]}"; fi
if [[ " ${stages[*]} " == *" tests "* ]]; then summary; fi
((${#failed[@]} == 0))
