#!/usr/bin/env bash
# Installs from Debian what tilepool needs. Safe to run again; does nothing when all is there.
#   scripts/setup.sh [build|test]     build: to build and run; test (default): to run all tests too
set -euo pipefail

# Why each is here: docs/decisions/0001-dependencies.md
build_packages=(
  build-essential cmake ninja-build pkg-config ccache git ca-certificates
  libopenmpi-dev openmpi-bin openssh-client
  libhdf5-openmpi-dev hdf5-tools
  libopenslide-dev libtiff-dev libturbojpeg0-dev libjpeg-dev
  libboost-dev libboost-program-options-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
  libxxhash-dev liblz4-dev zlib1g-dev libsqlite3-dev libxgboost-dev libwebp-dev libpng-dev libpugixml-dev
  libgtest-dev
)
test_packages=(
  clang-format clang-tidy clang libclang-rt-14-dev shellcheck
  python3 python3-pytest python3-numpy python3-scipy python3-skimage python3-h5py python3-pil
  python3-openslide python3-xxhash python3-matplotlib python3-anndata python3-shapely
  python3-tifffile
  python3-selenium chromium chromium-driver
  slurmctld slurmd slurm-client munge iproute2
  busybox-static
)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case "${1:-test}" in
  build) wanted=("${build_packages[@]}") ;;
  test) wanted=("${build_packages[@]}" "${test_packages[@]}") ;;
  *)
    echo "usage: scripts/setup.sh [build|test]" >&2
    exit 64
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is no Debian. Install what corresponds to: ${wanted[*]}" >&2
  exit 1
fi

# Names in $wanted that are not installed. dpkg-query is asked for all packages: asked for one that
# it never heard of, it fails.
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' |
  awk '$2 == "installed" { print $1 }')
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "setup: all ${#wanted[@]} packages are installed"
  exit 0
fi

as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: neither root nor sudo. As root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

mkdir -p "$root/build/logs"
log=$root/build/logs/setup.log
echo "setup: installing ${#missing[@]} of ${#wanted[@]} packages: ${missing[*]}"
install() {
  "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "${missing[@]}"
}
if ! install >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "setup: apt-get failed; the whole of it is in $log" >&2
  exit 1
fi
echo "setup: done"
