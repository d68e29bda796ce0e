"""What the Slurm tests share: submitting to the test cluster, watching a job, killing its nodes."""
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from runs import SOURCE, tilepool, write_config

SCRIPTS = SOURCE / "slurm"
CLUSTER = Path(os.environ["CLUSTER"])
# Ranks of one thread each, so that three of them fit the cores that the cluster pretends to have.
SMALL = ("--ntasks-per-node=3", "--cpus-per-task=1", "--mem=2000", "--time=10")
# Little memory and much computing per tile: many tiles would make large slides, and those take
# longer to synthesise than to process.
SLOW = {"tiles": {"size_px": 512, "halo_px": 512}, "sample": {"fraction": 1.0},
        "workers": {"readers": 0}, "run": {"range_tiles": 2}}


def slurm(*arguments, **environment):
    """Runs a Slurm command; what it printed."""
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                          timeout=60, env=dict(os.environ, **environment))
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def sbatch(script, *arguments, options=SMALL, log, **environment):
    """Submits a script of slurm/; the job's id."""
    return slurm("sbatch", "--parsable", f"--output={log}", *options, SCRIPTS / script, *arguments,
                 TILEPOOL_SLURM=str(SCRIPTS), **environment)


def job(job_id):
    """What scontrol knows of a job: JobState, Restarts, ExitCode, BatchHost, ..."""
    return dict(re.findall(r"(\S+?)=(\S*)", slurm("scontrol", "show", "job", "--oneliner", job_id)))


def wait_until(condition, seconds, what):
    """Polls until condition() is true and returns what it gave."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what()}"
        time.sleep(0.1)
    return value


def wait_for_end(job_id, log, seconds=300):
    """The job's record once it has left the queue for good."""
    ends = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
    wait_until(lambda: job(job_id)["JobState"] in ends, seconds,
               lambda: f"{job(job_id)}\n{text(log)}")
    return job(job_id)


def wait_for_ranges(run_dir, count, log):
    wait_until(lambda: len(committed_ranges(run_dir)) >= count, 120,
               lambda: f"{count} ranges; {text(log)}")


def committed_ranges(run_dir):
    return {path.name for path in Path(run_dir).glob("ranges/*.h5")}


def text(log):
    return Path(log).read_text() if Path(log).exists() else "no log"


def kill_node(name):
    subprocess.run([SOURCE / "tests/slurm/cluster.sh", "kill-node", name], check=True, timeout=30)


def start_node(name):
    subprocess.run([SOURCE / "tests/slurm/cluster.sh", "start-node", name], check=True, timeout=60)


def slow_cohort(folder, slides):
    """A configuration whose tiles take their time."""
    made = tilepool("synth", "--out", folder / "slides", "--slides", slides, "--size", 4096,
                    "--seed", 1)
    assert made.returncode == 0, made.stderr
    return write_config(folder, sorted((folder / "slides").glob("*.tif")), **SLOW)
