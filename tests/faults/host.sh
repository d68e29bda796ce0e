#!/usr/bin/env bash
# One of several hosts on one machine; started by hosts.py in namespaces of its own, or by mpirun in
# place of ssh. $TEST_HOSTS is the folder that the hosts share.
#   host.sh be NAME               the first process of host NAME: says "up" and then does what it is
#                                 told, until it is killed and every process of the host with it
#   host.sh tell NAME COMMAND...  has host NAME run COMMAND (for a shell, as with ssh) and does not
#                                 wait for its end; 255 when the host does not answer
set -euo pipefail

be() {
  hostname "$1"
  mount -t tmpfs tmpfs /dev/shm
  mount --bind "$TEST_HOSTS/hosts" /etc/hosts
  ip link set lo up
  exec 3<>"$TEST_HOSTS/$1.orders" # for both, so that there is always a reader and never an end
  echo up
  local order
  while read -r order <&3; do
    setsid bash -c "$order" </dev/null >>"$TEST_HOSTS/$1.log" 2>&1 3<&- &
  done
}

tell() {
  local order
  order="export TILEPOOL_FAULT=$(printf %q "${TILEPOOL_FAULT:-}"); ${*:2}"
  # shellcheck disable=SC2016  # the inner shell's own words
  timeout 5 bash -c 'printf "%s\n" "$1" >"$2"' tell "$order" "$TEST_HOSTS/$1.orders" || exit 255
}

verb=${1:?usage: host.sh be NAME, host.sh tell NAME COMMAND...}
shift
case $verb in
  be) be "$1" ;;
  tell) tell "$@" ;;
  *) echo "host.sh: no command $verb" >&2 && exit 64 ;;
esac
