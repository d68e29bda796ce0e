"""A job that does not fit its walltime comes back by itself until it is done."""
import re
import time

from jobs import SMALL, job, sbatch, slow_cohort, text, wait_for_end
from runs import differences, run, status

# Slurm looks at walltimes every 30 s and warns up to 30 s early: with one minute and this warning
# at the first look after the start.
WARNED_EARLY = (*SMALL[:-1], "--time=1", "--signal=B:USR1@30")
LONGEST_ATTEMPT_S = 32


def undisturbed(tmp_path):
    """A configuration that takes longer than one attempt can, and its run without a stop."""
    slides = 6
    while True:
        folder = tmp_path / f"cohort{slides}"
        config = slow_cohort(folder, slides)
        begin = time.monotonic()
        run(config, folder / "run", ranks=3)
        if time.monotonic() - begin > LONGEST_ATTEMPT_S:
            return config, folder / "run"
        slides *= 2


def test_walltime_requeues_until_done(tmp_path):
    config, expected = undisturbed(tmp_path)
    log, run_dir = tmp_path / "job.log", tmp_path / "run"
    job_id = sbatch("one-node.sbatch", config, "--fresh", "--run-dir", run_dir,
                    options=WARNED_EARLY, log=log)
    end = wait_for_end(job_id, log, 600)
    print(text(log))
    assert (end["JobState"], end["ExitCode"]) == ("COMPLETED", "0:0"), text(log)
    assert int(end["Restarts"]) >= 1
    assert text(log).count("goes back into the queue") == int(end["Restarts"])
    # --fresh holds for the first attempt only.
    committed = [int(n) for n in re.findall(r"(\d+) of \d+ tiles are committed already", text(log))]
    assert len(committed) == int(end["Restarts"]) and committed == sorted(committed)
    assert status(run_dir)["tiles_resumed"] > 0
    assert differences(expected, run_dir) == ""
    assert job(job_id)["Requeue"] == "1"
