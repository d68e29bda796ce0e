#!/bin/sh
# What mpirun of the bundle is given for ssh where there is none: it would not start at all without,
# not even on this host alone.
echo "tilepool: there is neither ssh nor rsh here, so that $1 cannot be reached" >&2
exit 1
