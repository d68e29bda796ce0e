# Sourced by the other scripts: runs their steps with one calm line each.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
mkdir -p "$logs"
jobs=$(nproc)
export jobs
export CTEST_OUTPUT_ON_FAILURE=1

# Open MPI refuses to run as root unless told twice.
if [[ $(id -u) == 0 ]]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# stage NAME COMMAND...: runs the command with its output in build/logs/NAME.log; shows the end of
# the log and returns 1 when it fails. Exit 77 is a skip, told with the log's last line.
stage() {
  local name=$1 begin=$SECONDS status=0
  shift
  printf '%-14s' "$name"
  "$@" >"$logs/$name.log" 2>&1 || status=$?
  if ((status == 0)); then
    printf 'ok      %4d s\n' $((SECONDS - begin))
    return 0
  fi
  if ((status == 77)); then
    printf 'skipped: %s\n' "$(tail -n 1 "$logs/$name.log")"
    return 0
  fi
  printf 'FAILED  %4d s\n' $((SECONDS - begin))
  tail -n 60 "$logs/$name.log" >&2
  printf '%s: the whole of it is in %s\n' "$name" "$logs/$name.log" >&2
  return 1
}

# find_nvcc: prints the CUDA compiler's path; 1 when there is none.
find_nvcc() {
  command -v nvcc || { [[ -x /usr/local/cuda/bin/nvcc ]] && echo /usr/local/cuda/bin/nvcc; }
}

# build PRESET [TARGET...]: configures and builds build/PRESET.
build() {
  local preset=$1 nvcc
  shift
  if nvcc=$(find_nvcc); then export CUDACXX=${CUDACXX:-$nvcc}; fi
  (cd "$root" && cmake --preset "$preset" && cmake --build "build/$preset" -j "$jobs" ${1:+--target "$@"})
}
