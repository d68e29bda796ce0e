"""A job that does not fit its walltime comes back by itself until it is done."""
import re
from datetime import datetime, timedelta

from jobs import CLUSTER, SMALL, sbatch, slow_cohort, text, wait_for_end, wait_until
from runs import differences, run, status

LOOK_S = 30  # how often Slurm looks at walltimes
# With one minute and this warning, it warns at the first look after the start.
WARNED_EARLY = (*SMALL[:-1], "--time=1", "--signal=B:USR1@30")


def shortly_before_a_look():
    """When a job has to begin to be warned about ten seconds later."""
    log = CLUSTER / "slurmctld.log"
    # The first look is LOOK_S after Slurm's start: the undisturbed run may be over before it.
    looks = wait_until(lambda: re.findall(r"\[([^]]+)\] debug2: Testing job time limits", text(log)),
                       2 * LOOK_S, lambda: text(log)[-2000:])
    begin = datetime.fromisoformat(looks[-1]) + timedelta(seconds=LOOK_S - 10)
    while begin < datetime.now() + timedelta(seconds=2):
        begin += timedelta(seconds=LOOK_S)
    return begin.strftime("%Y-%m-%dT%H:%M:%S")


def test_walltime_requeues_until_done(tmp_path):
    config = slow_cohort(tmp_path, 7)
    run(config, tmp_path / "undisturbed", ranks=3)
    log, run_dir = tmp_path / "job.log", tmp_path / "run"
    job_id = sbatch("one-node.sbatch", config, "--fresh", "--run-dir", run_dir, log=log,
                    options=(*WARNED_EARLY, f"--begin={shortly_before_a_look()}"))
    end = wait_for_end(job_id, log, 600)
    print(text(log))
    assert (end["JobState"], end["ExitCode"]) == ("COMPLETED", "0:0"), text(log)
    assert int(end["Restarts"]) >= 1
    assert text(log).count("goes back into the queue") == int(end["Restarts"])
    # --fresh holds for the first attempt only.
    committed = [int(n) for n in re.findall(r"(\d+) of \d+ tiles are committed already", text(log))]
    assert len(committed) == int(end["Restarts"]) and committed == sorted(committed)
    assert status(run_dir)["tiles_resumed"] > 0
    assert differences(tmp_path / "undisturbed", run_dir) == ""
