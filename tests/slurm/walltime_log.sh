#!/usr/bin/env bash
# Shows sbatch -> walltime -> requeue -> done on the test cluster, for docs/slurm.md:
#   CLUSTER_CRED_EXPIRE=120 tests/slurm/cluster.sh run 2 tests/slurm/walltime_log.sh TILEPOOL
# (120 s is Slurm's own delay before a requeued job starts again.)
set -euo pipefail
TILEPOOL=$(realpath "${1:?usage: walltime_log.sh TILEPOOL}")
TILEPOOL_SLURM=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../slurm")
export TILEPOOL TILEPOOL_SLURM
cd "$(mktemp -d)"

"$TILEPOOL" synth --out slides --slides 5 --size 4096 --seed 1 >/dev/null
cat >job.json <<'CONFIG'
{"slides": ["slides/*.tif"], "tiles": {"size_px": 512, "halo_px": 512}, "sample": {"fraction": 1.0},
 "workers": {"readers": 0}, "run": {"range_tiles": 2}}
CONFIG

id=$(sbatch --parsable --time=1 --signal=B:USR1@30 --ntasks-per-node=3 --cpus-per-task=1 \
  --mem=2000 "$TILEPOOL_SLURM/one-node.sbatch" job.json)
before='' now=''
until [[ $now == COMPLETED* || $now == FAILED* || $now == TIMEOUT* ]]; do
  now=$(scontrol show job --oneliner "$id" |
    sed -n 's/.*JobState=\([^ ]*\) Reason=\([^ ]*\) .*Restarts=\([^ ]*\) .*/\1 \2 restarts=\3/p')
  if [[ $now != "$before" ]]; then echo "$(date +%T)  $now"; fi
  before=$now
  sleep 0.2
done
echo "--- tilepool-$id.log"
cat "tilepool-$id.log"
echo "--- the same without a stop"
"$TILEPOOL" launch -n 3 run job.json --run-dir undisturbed --quiet
h5diff --exclude-path /telemetry undisturbed/results.h5 runs/job/results.h5
echo "h5diff: equal"
