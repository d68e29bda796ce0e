#!/bin/sh
# bin/@PROGRAM@ of the bundle: starts runtime/@PROGRAM@ with the loader and the libraries beside it
# and with nothing of the host's. Any POSIX shell will do. docs/bundle.md explains it.
self=$0
case $self in
  */*) ;;
  *) self=./$self ;;
esac
while [ -L "$self" ]; do
  target=$(readlink "$self") || exit 127
  case $target in
    /*) self=$target ;;
    *) self=${self%/*}/$target ;;
  esac
done
# Not `pwd -P`: on other nodes an automounted home may only be there by the name that was used.
folder=$(CDPATH='' cd -- "${self%/*}/.." && pwd) || exit 127
runtime=$folder/runtime

# Never in the environment, where programs of the host that are started from here (sh, ssh, srun)
# would find these libraries too. Behind them those places where only a GPU driver is looked for.
libraries=$runtime:$runtime/gdk-pixbuf${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
libraries=$libraries:/usr/lib64:/usr/local/nvidia/lib64:/usr/lib/wsl/lib

unset LD_PRELOAD LD_AUDIT  # made for the host's C library
# What is loaded by name is looked for here and not where Debian had it.
export OPAL_PREFIX="$folder" OPAL_LIBDIR="$folder/lib" OPAL_SYSCONFDIR="$folder/etc"
export PMIX_PREFIX="$folder/pmix2" PMIX_LIBDIR="$folder/pmix2/lib"
export PMIX_DATADIR="$folder/pmix2/share" PMIX_SYSCONFDIR="$folder/pmix2/share"
export PMIX_MCA_mca_base_component_path="$folder/pmix2/lib/pmix"
export HWLOC_PLUGINS_PATH="$folder/lib/hwloc"
export GDK_PIXBUF_MODULE_FILE="$runtime/gdk-pixbuf/loaders.cache"
# mpirun starts this one on other hosts, and `tilepool doctor` asks this mpirun.
export OMPI_MCA_orte_launch_agent="$folder/bin/orted"
export PATH="$folder/bin${PATH:+:$PATH}"
export HOME="${HOME:-/}"  # PMIx 4.2 crashes for a user who has none and is not in /etc/passwd
if [ -z "${OMPI_MCA_plm_rsh_agent:-}" ] && ! command -v ssh >/dev/null && ! command -v rsh >/dev/null
then
  export OMPI_MCA_plm_rsh_agent=no-ssh  # of this bin/: no path, it might have blanks
fi

program=@PROGRAM@
if [ "$program" = tilepool ]; then
  export TILEPOOL_PROGRAM="$folder/bin/tilepool"  # /proc/self/exe is the loader
fi
exec "$runtime/ld-linux-x86-64.so.2" --argv0 "$program" --library-path "$libraries" \
  "$runtime/$program" "$@"
