#!/usr/bin/env bash
# A Slurm cluster of several nodes on this machine, for as long as one command takes.
#   cluster.sh run NODES COMMAND...   starts munge, slurmctld and NODES slurmd, runs COMMAND on the
#                                     head node, ends all of it; exits as COMMAND did, or with 77
#                                     where this machine does not allow it
# Inside such a cluster:
#   cluster.sh start-node NAME        (again) a node n1, n2, ...; returns when Slurm can use it
#   cluster.sh kill-node NAME         as if its power failed: every process of it is gone at once
#
# Everything lives in private namespaces: nothing outside is mounted over, listened on or written to
# but for the folder $CLUSTER (by default a temporary one that is removed at the end), and the death
# of this script takes all processes with it. Each node has a hostname, an address, a /dev/shm and a
# process table of its own, so that it can die alone; the file system is common to all, as on a real
# cluster. Of the settings, CLUSTER_CRED_EXPIRE (5) is how many seconds a requeued job waits at
# least (Slurm's own default: 120).
set -euo pipefail

script=$(realpath "${BASH_SOURCE[0]}")
readonly script subnet=10.77.0

# unavailable WHY: for ctest this is a skip.
unavailable() {
  echo "cluster.sh: skipped: $1" >&2
  exit 77
}

# within SECONDS COMMAND...: true as soon as COMMAND is.
within() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" &>/dev/null; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

write_settings() {
  cat >"$CLUSTER/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=head($subnet.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$CLUSTER/munge.socket,cred_expire=${CLUSTER_CRED_EXPIRE:-5}
CredType=cred/munge
StateSaveLocation=$CLUSTER/state
SlurmdSpoolDir=$CLUSTER/spool-%n
SlurmctldPidFile=$CLUSTER/slurmctld.pid
SlurmdPidFile=$CLUSTER/slurmd-%n.pid
SlurmctldLogFile=$CLUSTER/slurmctld.log
SlurmctldDebug=debug2
SlurmdLogFile=$CLUSTER/slurmd-%n.log
TmpFS=/dev/shm
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
JobRequeue=1
ReturnToService=2
SlurmdTimeout=6
KillWait=10
GresTypes=gpu
NodeName=n[1-$nodes] NodeAddr=n[1-$nodes] CPUs=4 RealMemory=8000 Gres=gpu:test:2
PartitionName=short Nodes=n[1-$nodes] Default=YES MaxTime=60 DefaultTime=10
PartitionName=long Nodes=n[1-$nodes] MaxTime=UNLIMITED
CONF
  # Any character device can stand in for a card.
  echo "NodeName=n[1-$nodes] Name=gpu Type=test File=/dev/tty[0-1]" >"$CLUSTER/gres.conf"
  local node
  {
    echo "127.0.0.1 localhost"
    echo "$subnet.1 head"
    for ((node = 1; node <= nodes; ++node)); do echo "$subnet.$((10 + node)) n$node"; done
  } >"$CLUSTER/hosts"
}

# The network: one bridge, and for each node a namespace with an address on it.
connect() {
  ip link set lo up
  ip link add bridge type bridge
  ip address add "$subnet.1/24" dev bridge
  ip link set bridge up
  local number name
  for ((number = 1; number <= nodes; ++number)); do
    name=n$number
    ip netns add "$name"
    ip link add "$name" type veth peer name eth0 netns "$name"
    ip link set "$name" master bridge up
    ip -netns "$name" link set lo up
    ip -netns "$name" address add "$subnet.$((10 + number))/24" dev eth0
    ip -netns "$name" link set eth0 up
  done
}

start_munge() {
  dd if=/dev/urandom of="$CLUSTER/munge.key" bs=1024 count=1 status=none
  chmod 400 "$CLUSTER/munge.key"
  munged --key-file="$CLUSTER/munge.key" --socket="$CLUSTER/munge.socket" \
    --pid-file="$CLUSTER/munged.pid" --log-file="$CLUSTER/munged.log" \
    --seed-file="$CLUSTER/munged.seed"
}

node_is_usable() { [[ $(sinfo --noheader --nodes="$1" --format=%t) =~ ^(idle|mix|alloc)$ ]]; }

start_node() {
  setsid nsenter --net="/run/netns/$1" unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc \
    "$script" node "$1" </dev/null &>>"$CLUSTER/$1.log" &
  echo $! >"$CLUSTER/$1.pid"
  disown  # its death is no news
  within 30 node_is_usable "$1" || {
    tail -n 20 "$CLUSTER/$1.log" "$CLUSTER/slurmd-$1.log" "$CLUSTER/slurmctld.log" >&2
    echo "cluster.sh: $1 did not come up" >&2
    exit 1
  }
}

kill_node() {
  local pid
  pid=$(<"$CLUSTER/$1.pid")
  kill -KILL "$pid"
  within 10 eval "! kill -0 $pid"
}

# The first process of a node; when it ends, the node's other processes die.
node() {
  hostname "$1"
  mount -t tmpfs tmpfs /dev/shm
  slurmd -D -N "$1"
}

# The first process of the cluster.
head_node() {
  local nodes=$1 number
  shift
  hostname head
  mount -t tmpfs tmpfs /run
  mount -t tmpfs tmpfs /dev/shm
  write_settings
  mount --bind "$CLUSTER/hosts" /etc/hosts
  connect
  start_munge
  slurmctld -c
  for ((number = 1; number <= nodes; ++number)); do start_node "n$number"; done
  "$@"
}

run() {
  local command
  [[ $(id -u) == 0 ]] || unavailable "only root may make the namespaces of a cluster"
  for command in munged slurmctld slurmd sbatch ip; do
    command -v "$command" >/dev/null || unavailable "$command is not installed"
  done
  local -a enter=(setpriv --pdeathsig KILL
    unshare --mount --uts --ipc --net --pid --fork --kill-child --mount-proc)
  "${enter[@]}" ip link add bridge type bridge || unavailable "namespaces are not permitted"
  if [[ -z ${CLUSTER:-} ]]; then
    CLUSTER=$(mktemp -d)
    trap 'rm -rf "$CLUSTER"' EXIT
  fi
  chmod 755 "$CLUSTER"
  mkdir "$CLUSTER/state" "$CLUSTER/tmp"
  export CLUSTER SLURM_CONF=$CLUSTER/slurm.conf TMPDIR=$CLUSTER/tmp
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  # Slurm is told of more cores than there are: ranks that wait must not keep one busy.
  export OMPI_MCA_mpi_yield_when_idle=1
  "${enter[@]}" "$script" head "$@"
}

verb=${1:?usage: cluster.sh run NODES COMMAND...}
shift
case $verb in
  run) run "$@" ;;
  head) head_node "$@" ;;
  node) node "$1" ;;
  start-node) start_node "$1" ;;
  kill-node) kill_node "$1" ;;
  *) echo "cluster.sh: no command $verb" >&2 && exit 64 ;;
esac
