#!/usr/bin/env bash
# Packs tilepool and every library that it needs into one relocatable folder, for hosts where nothing
# can be installed.
#   scripts/bundle.sh [--preset NAME] [--program FILE] [--out DIR] [--help]
#     --preset NAME   release-cuda or release; by default release-cuda where nvcc is found
#     --program FILE  packs this tilepool, built before, and builds nothing
#     --out DIR       where to write; by default build/bundle
# Writes DIR/tilepool-VERSION-linux-x86_64.tar.gz and, unpacked, the folder of that name.
# docs/bundle.md tells what is in it.
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/stages.sh"
cd "$root"

max_bytes=60000000
architecture=x86_64-linux-gnu
system_libraries=/usr/lib/$architecture
open_mpi=$system_libraries/openmpi/lib/openmpi3
pixbuf=$system_libraries/gdk-pixbuf-2.0/2.10.0

usage() { sed -n '/^# Packs/,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "${BASH_SOURCE[0]}"; }

# Sets preset, program (empty: to be built) and out.
read_options() {
  preset='' program='' out=build/bundle
  while (($# > 0)); do
    case $1 in
      --preset) preset=${2:?--preset needs a name} && shift ;;
      --preset=*) preset=${1#*=} ;;
      --program) program=${2:?--program needs a file} && shift ;;
      --out) out=${2:?--out needs a folder} && shift ;;
      --help | -h) usage && exit 0 ;;
      *) echo "bundle.sh: unknown option $1; --help lists them" >&2 && exit 64 ;;
    esac
    shift
  done
  if [[ -n $program && ! -x $program ]]; then
    echo "bundle.sh: $program: no such program" >&2 && exit 66
  fi
  if [[ -z $preset ]]; then
    preset=release
    if find_nvcc >/dev/null; then preset=release-cuda; fi
  fi
}

# --- what goes in ---------------------------------------------------------------------------------

# Open MPI's plugins: all but those of networks and schedulers whose libraries are large or only work
# with the host's drivers (UCX, libfabric, PSM, verbs, Flux, JSM), of OpenSHMEM, and for debugging.
unwanted_plugin() {
  case $1 in
    *_ucx.so | *_ofi.so | *_psm.so | *_psm2.so | *_openib.so | *_flux.so | *_jsm.so) ;;
    mca_atomic_* | mca_memheap_* | mca_scoll_* | mca_spml_* | mca_sshmem_*) ;;
    *_monitoring.so | mca_vprotocol_* | mca_ras_simulator.so) ;;
    *) return 1 ;;
  esac
}

# Only to be loaded by name: no program here has them among its needs. libdl, libpthread, librt and
# libutil are empty since glibc 2.34, but a GPU driver asks for them, and the host's would not fit.
loaded_by_name=(libdl.so.2 libpthread.so.0 librt.so.1 libutil.so.1 libresolv.so.2)

# Fills folder $1 but for the libraries.
add_programs() {
  local to=$1 name
  mkdir -p "$to"/{bin,runtime/gdk-pixbuf,etc,lib/openmpi3,share,pmix2/{lib,share}}
  strip -o "$to/runtime/tilepool" "$program"
  cp /usr/bin/orterun "$to/runtime/mpirun"
  cp /usr/bin/orted /usr/bin/ompi_info "$to/runtime/"
  for name in tilepool mpirun orted ompi_info; do
    sed "s/@PROGRAM@/$name/" scripts/bundle/start.sh >"$to/bin/$name"
    chmod 755 "$to/bin/$name"
  done
  install -m 755 scripts/bundle/no-ssh.sh "$to/bin/no-ssh"
  cp "$system_libraries/ld-linux-x86-64.so.2" "$to/runtime/"
}

add_plugins() {
  local to=$1 plugin
  for plugin in "$open_mpi"/mca_*.so; do
    unwanted_plugin "${plugin##*/}" || cp "$plugin" "$to/lib/openmpi3/"
  done
  mkdir -p "$to/share/openmpi"
  cp /usr/share/openmpi/help-*.txt "$to/share/openmpi/"
  cp /etc/openmpi/openmpi-mca-params.conf /etc/openmpi/openmpi-default-hostfile "$to/etc/"
  cp -r "$system_libraries/pmix2/lib/pmix" "$to/pmix2/lib/"
  cp -r "$system_libraries/pmix2/share/." "$to/pmix2/share/"
  # OpenSlide reads the BMP tiles of MIRAX slides with it. By its name alone it is found through the
  # library path, wherever the folder is.
  cp "$pixbuf/loaders/libpixbufloader-bmp.so" "$to/runtime/gdk-pixbuf/"
  awk -v RS= -v name=libpixbufloader-bmp.so '
    index($0, "/" name "\"\n") { sub(/^"[^"]*"/, "\"" name "\""); print $0 "\n" }
  ' "$pixbuf/loaders.cache" >"$to/runtime/gdk-pixbuf/loaders.cache"
  grep -q '^"libpixbufloader-bmp.so"' "$to/runtime/gdk-pixbuf/loaders.cache"
}

# Files of the system that the programs and plugins in $1 load, one a line.
needed_libraries() {
  local name answer
  answer=$(find "$1/runtime" "$1/lib" "$1/pmix2" -type f \
    '(' -name '*.so' -o -perm /100 ')' ! -name 'ld-linux*' -exec ldd {} +)
  if grep 'not found' <<<"$answer" >&2; then return 1; fi
  awk '$2 == "=>" { print $3 }' <<<"$answer"
  for name in "${loaded_by_name[@]}"; do echo "$system_libraries/$name"; done
}

add_libraries() {
  local library libraries
  libraries=$(needed_libraries "$1" | sort -u)
  while read -r library; do
    cp -L "$library" "$1/runtime/${library##*/}"
  done <<<"$libraries"
}

add_texts() {
  local to=$1
  cp -r docs slurm configs CHANGELOG.md "$to/"
  sed "s/@VERSION@/$version/" scripts/bundle/README >"$to/README"
}

# --- licences -------------------------------------------------------------------------------------

# Packages whose files lie in the bundle, and those whose headers are compiled into the program.
# Fails when a file belongs to none: then its licence would be missing.
bundled_packages() {
  local file
  for file in $(needed_libraries "$1" | sort -u) "$system_libraries/ld-linux-x86-64.so.2" \
    /usr/bin/orted "$pixbuf/loaders/libpixbufloader-bmp.so" "$open_mpi/mca_btl_tcp.so" \
    "$system_libraries/pmix2/lib/pmix/pmix_mca_prm_slurm.so" /usr/share/openmpi/help-orterun.txt; do
    file=$(realpath "$file")
    # Debian's database knows some under /lib, a link to /usr/lib.
    dpkg-query -S "${file#/usr}" 2>/dev/null || dpkg-query -S "$file" || return 1
  done | sed 's/:.*//' || return 1
  printf '%s\n' nlohmann-json3-dev libfmt-dev
}

add_licences() {
  local to=$1 package packages
  packages=$(bundled_packages "$to" | sort -u)
  mkdir -p "$to/licences"
  cp -rL /usr/share/common-licenses "$to/licences/"
  {
    printf 'What this folder contains, but for tilepool itself, comes unchanged from Debian.\n'
    printf 'licences/PACKAGE tells the licence; the texts it refers to are in licences/common-licenses.\n'
    printf 'Sources: https://snapshot.debian.org/package/SOURCE/VERSION/\n\n'
    printf '%-28s %-32s %-24s %s\n' PACKAGE VERSION SOURCE 'VERSION OF THE SOURCE'
    for package in $packages; do
      cp -L "/usr/share/doc/$package/copyright" "$to/licences/$package"
      # shellcheck disable=SC2016  # dpkg-query's variables
      dpkg-query -W -f '${Package} ${Version} ${source:Package} ${source:Version}\n' "$package" |
        awk '!seen[$1]++ { printf "%-28s %-32s %-24s %s\n", $1, $2, $3, $4 }'
    done
    if grep -aqF libcuda.so.1 "$program"; then
      printf '\nLinked into the program: the CUDA runtime (libcudart_static), redistributed under the\n'
      printf 'NVIDIA CUDA Toolkit End User License Agreement, https://docs.nvidia.com/cuda/eula/\n'
    fi
  } >"$to/LICENCES.txt"
}

# --- the archive ----------------------------------------------------------------------------------

# The same content gives the same archive.
pack() {
  local epoch
  epoch=$(git log -1 --format=%ct)
  tar -C "$out" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
    --mode=u+w,go-w,a+rX -cf - "$name" | gzip -n >"$archive.part"
  local bytes
  bytes=$(stat -c %s "$archive.part")
  if ((bytes > max_bytes)); then
    echo "bundle.sh: $bytes bytes, more than the $max_bytes allowed" >&2
    return 1
  fi
  mv "$archive.part" "$archive"
}

fill() {
  rm -rf "${out:?}/$name"
  mkdir -p "$out/$name"
  add_programs "$out/$name"
  add_plugins "$out/$name"
  add_libraries "$out/$name"
  add_texts "$out/$name"
  add_licences "$out/$name"
}

read_options "$@"
version=$(sed -n 's/^project(tilepool VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
name=tilepool-$version-linux-x86_64
archive=$out/$name.tar.gz

if [[ -z $program ]]; then
  stage "build-$preset" build "$preset" tilepool
  program=build/$preset/bin/tilepool
fi
fill  # not as a `stage`: `set -e` would not hold in it
pack
printf '%s  %s bytes\n' "$(realpath "$archive")" "$(stat -c %s "$archive")"
