# What the sbatch scripts of this folder have in common; sourced by them, inside the allocation.
# shellcheck shell=bash
#   tilepool_job [option of tilepool launch...] -- CONFIG [option of tilepool run...]
#   tilepool_job_per_gpu CONFIG [option of tilepool run...]
# Runs the job and leaves with its exit code. A job that stopped before its end (75: walltime, a lost
# master) goes back into the queue, under the same id, and the next attempt resumes it. Stopped by
# hand (scancel), it stays stopped. Two attempts in a row that commit nothing end the requeueing: a
# job that cannot get on would otherwise come back for ever.
# $TILEPOOL is the program, by default the one of $PATH.
set -euo pipefail

tilepool_stopped=75  # exit code of a run that the same command resumes

# The folder in which `tilepool run CONFIG [option...]` keeps the run.
tilepool_run_dir() {
  local name=${1##*/} option
  local run_dir=runs/${name%.*}
  while shift && (($# > 0)); do
    option=$1
    case $option in
      --run-dir) run_dir=${2:-} ;;
      --run-dir=*) run_dir=${option#*=} ;;
    esac
  done
  printf '%s\n' "$run_dir"
}

# How much of the run in $1 is durable: files are committed whole, under their final names, or not
# at all. status.json would not do: an attempt that was cut off at its start leaves it at zero.
tilepool_committed() {
  find "$1/scan" "$1/ranges" -type f ! -name '.*' | wc -l
}

# Leaves when the last two attempts of this job committed nothing: then no more is in the run
# directory $1 now than when they began, which stands in file $2.
tilepool_give_up_if_stuck() {
  local committed
  committed=$(tilepool_committed "$1")
  if [[ -e $2 && $(tail -n 2 "$2") == "$committed"$'\n'"$committed" ]]; then
    echo "tilepool: two attempts in a row committed nothing; the job is not requeued again." \
      "A longer --time or a smaller /run/range_tiles may help. What is committed is in $1." >&2
    exit "$tilepool_stopped"
  fi
}

# Sets tilepool_arguments to the arguments but for --fresh and --retry-failed: they are meant for the
# first attempt, a later one would throw away what that has done.
tilepool_without_fresh() {
  local argument
  tilepool_arguments=()
  for argument in "$@"; do
    [[ $argument == --fresh || $argument == --retry-failed ]] || tilepool_arguments+=("$argument")
  done
}

tilepool_hand_on() { kill -s "$1" "$2" || echo "tilepool: it had ended before SIG$1" >&2; }

# Waits for process $1 and hands on to it what Slurm sends to this script. Sets tilepool_code,
# tilepool_warned (walltime is near) and tilepool_cancelled.
tilepool_wait() {
  local process=$1 signalled=yes
  tilepool_warned='' tilepool_cancelled=''
  trap 'signalled=yes tilepool_warned=yes; tilepool_hand_on USR1 "$process"' USR1
  trap 'signalled=yes tilepool_cancelled=yes; tilepool_hand_on TERM "$process"' TERM
  # A trapped signal ends `wait` early; the process goes on to an exit code of its own.
  while [[ -n $signalled ]]; do
    signalled=''
    tilepool_code=0
    wait "$process" || tilepool_code=$?
  done
  # Slurm sends TERM several times, to all processes; what is left to do here takes a moment.
  trap '' USR1 TERM
}

tilepool_job() {
  local -a launch=()
  while (($# > 0)) && [[ $1 != -- ]]; do
    launch+=("$1")
    shift
  done
  shift
  : "${1:?usage: sbatch SCRIPT CONFIG [option of tilepool run...]}"
  local run_dir attempts
  run_dir=$(tilepool_run_dir "$@")
  attempts=$run_dir/slurm-$SLURM_JOB_ID.attempts
  mkdir -p "$run_dir/scan" "$run_dir/ranges"

  # Slurm itself requeues after a node failure, so an attempt is judged at its beginning too.
  tilepool_give_up_if_stuck "$run_dir" "$attempts"
  tilepool_committed "$run_dir" >>"$attempts"
  if ((${SLURM_RESTART_COUNT:-0} > 0)); then
    tilepool_without_fresh "$@"
    set -- "${tilepool_arguments[@]}"
  fi

  # mpirun starts a daemon on each node by srun: the loss of one must not end the others. A run that
  # loses its master starts again in this allocation before it goes back into the queue.
  export OMPI_MCA_plm_slurm_args=${OMPI_MCA_plm_slurm_args:---no-kill --kill-on-bad-exit=0}
  export PRTE_MCA_plm_slurm_args=${PRTE_MCA_plm_slurm_args:-$OMPI_MCA_plm_slurm_args}
  "${TILEPOOL:-tilepool}" launch --restarts 2 "${launch[@]}" run "$@" &
  tilepool_wait $!

  if ((tilepool_code == tilepool_stopped)) && [[ -n $tilepool_warned || -z $tilepool_cancelled ]]; then
    tilepool_give_up_if_stuck "$run_dir" "$attempts"
    echo "tilepool: stopped before the end; job $SLURM_JOB_ID goes back into the queue"
    scontrol requeue "$SLURM_JOB_ID"
  fi
  exit "$tilepool_code"
}

# Of the tasks on each node all but one are workers, one per GPU; the first node has the master too.
tilepool_job_per_gpu() {
  local workers=$((SLURM_NTASKS_PER_NODE - 1)) node
  local slots=$((workers + 1))
  tilepool_hostfile=$(mktemp)
  trap 'rm -f "$tilepool_hostfile"' EXIT
  for node in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
    echo "$node slots=$slots"
    slots=$workers
  done >"$tilepool_hostfile"
  tilepool_job -n $((workers * SLURM_JOB_NUM_NODES + 1)) --hostfile "$tilepool_hostfile" -- "$@"
}
