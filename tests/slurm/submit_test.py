"""`tilepool submit` on a cluster: it asks sinfo, submits, and says how to watch."""
import json
import re

from jobs import job, slow_cohort, slurm, text, wait_for_end
from runs import differences, run, status, tilepool


def submit(config, *arguments, code=0):
    done = tilepool("submit", config, "--gpus-per-node", 0, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def option(script, name):
    return re.search(rf"^#SBATCH .*--{name}=(\S+)", script, re.MULTILINE).group(1)


def test_submitted_it_runs_as_by_hand(tmp_path, monkeypatch):
    config = slow_cohort(tmp_path, 2)
    run(config, tmp_path / "by-hand", ranks=3)
    monkeypatch.chdir(tmp_path)
    run_dir = tmp_path / "a 'quoted' run"
    told = submit(config, "--nodes", 2, "--ranks-per-node", 2, "--cpus-per-task", 1, "--mem",
                  "2000", "--time", "10", "--run-dir", run_dir, "--set", "/run/range_tiles=8").stdout
    job_id = re.match(r"submitted job (\d+);", told).group(1)
    assert f"squeue -j {job_id}\n" in told and "--watch" in told
    record = wait_for_end(job_id, f"tilepool-{job_id}.log")
    assert record["ExitCode"] == "0:0", text(f"tilepool-{job_id}.log")
    assert {rank["host"] for rank in status(run_dir)["ranks"]} == {"n1", "n2"}
    assert differences(tmp_path / "by-hand", run_dir) == ""


def test_the_cluster_sets_the_size(tmp_path):
    config = slow_cohort(tmp_path, 1)
    script = submit(config, "--nodes", 2, "--dry-run").stdout
    # /workers/readers is 0: a core for each rank; the nodes have 4 cores and 8000 MB.
    assert [option(script, name) for name in ("nodes", "ntasks-per-node", "cpus-per-task")] == [
        "2", "4", "1"]
    assert (option(script, "mem"), option(script, "time")) == ("8000M", "01:00:00")
    assert "--partition" not in script  # the default one fits
    script = submit(config, "--nodes", 1, "--partition", "long", "--account", "lab", "--set",
                    "/memory/host_per_rank=2GiB", "--dry-run").stdout
    assert option(script, "ntasks-per-node") == "3"  # more would not fit its memory
    assert (option(script, "partition"), option(script, "account")) == ("long", "lab")
    assert option(script, "time") == "08:00:00"


def test_what_the_cluster_cannot_grant_is_refused(tmp_path):
    config = slow_cohort(tmp_path, 1)
    for arguments, expected in [
            (("--nodes", 3), "no partition has 3 nodes with 0 GPUs each that take jobs"),
            (("--nodes", 1, "--time", "2:00:00"), "more than the limit of partition short, 01:00:00"),
            (("--nodes", 1, "--ranks-per-node", 5), "5 ranks of 1 cores are more than the 4 cores"),
            (("--nodes", 1, "--mem", "9G"), "9.00 GiB for 4 ranks are more than the 7.81 GiB"),
            (("--nodes", 1, "--partition", "night"), "partition night does not have 1 nodes")]:
        assert expected in submit(config, *arguments, code=64).stderr
    refused = tilepool("submit", config, "--nodes", 1, "--gpus-per-node", 3)
    assert refused.returncode == 64 and "2 nodes of 4 cores, 7.81 GiB, 2 GPUs" in refused.stderr


def test_json_names_the_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = slow_cohort(tmp_path, 1)
    answer = json.loads(submit(config, "--nodes", 1, "--ranks-per-node", 1, "--json").stdout)
    assert job(answer["job_id"])["JobName"] == "tilepool"
    assert answer["run_dir"] == str(tmp_path / "runs/config")
    slurm("scancel", answer["job_id"])
