#!/usr/bin/env bash
# Everything that needs a GPU, in one go: the tests of the kernels, those under compute-sanitizer, and
# the benchmarks.
#   scripts/gpu-tests.sh [--pack FILE.tar.gz | OUT_DIR]
# Needs nvcc, CMake and a GPU, but none of tilepool's other libraries: only src/common/{base,memory,
# kernels}, cuda, the kernels' tests and GoogleTest are built. On a host that has not even fmt and
# GoogleTest: --pack on one that does, and run the script in the unpacked folder there.
# OUT_DIR (default build/gpu-tests) gets a log of each step and summary.md. Exit 1 when one failed.
# shellcheck disable=SC2317  # functions are called by step()
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# The sources that travel: ours, and fmt and GoogleTest as Debian installs them.
pack() {
  local file=$1
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir -p "$folder/tilepool/third_party"
  cp -r --parents cmake/Targets.cmake cuda scripts/gpu-tests.sh src/common/base src/common/memory \
    src/common/kernels tests/cuda tests/bench/kernels "$folder/tilepool"
  cp -r /usr/include/fmt "$folder/tilepool/third_party/fmt"
  cp -r /usr/src/googletest "$folder/tilepool/third_party/googletest"
  tar -C "$folder" -czf "$file" tilepool
  echo "gpu-tests.sh: $file: unpack it where a GPU is and run tilepool/scripts/gpu-tests.sh there"
}

if [[ ${1:-} == --pack ]]; then
  pack "${2:?usage: gpu-tests.sh --pack FILE.tar.gz}"
  exit 0
fi

out=${1:-$root/build/gpu-tests}
build=$root/build/gpu
mkdir -p "$out"
summary=$out/summary.md
failed=0

# step NAME COMMAND...: its output in OUT_DIR/NAME.log, one line of how it ended.
step() {
  local name=$1 begin=$SECONDS result=passed
  shift
  "$@" >"$out/$name.log" 2>&1 || result=FAILED
  [[ $result == passed ]] || failed=1
  printf '| %s | %s | %d s |\n' "$name" "$result" $((SECONDS - begin)) | tee -a "$summary"
}

configure() {
  cmake -S tests/cuda/standalone -B "$build" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CUDA_ARCHITECTURES="${CUDAARCHS:-native}"
}

{
  printf '# GPU tests, %s\n\n' "$(date -u +%F)"
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader ||
    printf 'nvidia-smi shows no GPU\n'
  nvcc --version | tail -n 2
  printf '\n| step | result | time |\n|---|---|---|\n'
} | tee "$summary"

step configure configure
step build cmake --build "$build" -j "$(nproc)"
step tests "$build/bin/cuda_kernels_test"
for tool in memcheck racecheck initcheck; do
  step "$tool" compute-sanitizer --tool "$tool" --error-exitcode 1 "$build/bin/cuda_kernels_test"
done
step kernels_bench "$build/bin/kernels_bench" --markdown "$out/kernels.md"
if [[ -f $out/kernels.md ]]; then cat "$out/kernels.md" >>"$summary"; fi
exit "$failed"
