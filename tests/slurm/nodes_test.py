"""Runs over two nodes: how they are started, cancelled, and how they outlive a node."""

import pytest

from jobs import (SMALL, job, kill_node, sbatch, slow_cohort, slurm, start_node, text, wait_for_end,
                  wait_for_ranges, wait_until)
from runs import BINARY, differences, run, status

TWO_NODES = (*SMALL, "--nodes=2", "--ntasks-per-node=2")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    config = slow_cohort(folder, 2)
    run(config, folder / "run", ranks=3)
    return config, folder / "run"


def hosts_of(run_dir):
    return {rank["host"] for rank in status(run_dir)["ranks"]}


def test_mpirun_over_two_nodes(reference, tmp_path):
    config, expected = reference
    log = tmp_path / "log"
    job_id = sbatch("several-nodes.sbatch", config, "--run-dir", tmp_path / "run",
                    options=TWO_NODES, log=log)
    assert wait_for_end(job_id, log)["ExitCode"] == "0:0", text(log)
    assert hosts_of(tmp_path / "run") == {"n1", "n2"}
    assert differences(expected, tmp_path / "run") == ""


def test_srun_over_two_nodes(reference, tmp_path):
    config, expected = reference
    slurm("srun", *TWO_NODES, "--mpi=pmix", BINARY, "run", config, "--run-dir", tmp_path / "run")
    assert hosts_of(tmp_path / "run") == {"n1", "n2"}
    assert differences(expected, tmp_path / "run") == ""


def test_cancelled_it_stays_stopped_and_resumes(reference, tmp_path):
    config, expected = reference
    arguments = ("several-nodes.sbatch", config, "--run-dir", tmp_path / "run")
    job_id = sbatch(*arguments, options=TWO_NODES, log=tmp_path / "log")
    wait_for_ranges(tmp_path / "run", 4, tmp_path / "log")
    slurm("scancel", job_id)
    end = wait_for_end(job_id, tmp_path / "log")
    assert (end["JobState"], end["Restarts"]) == ("CANCELLED", "0"), text(tmp_path / "log")
    wait_until(lambda: slurm("squeue", "--noheader") == "", 60, lambda: slurm("squeue"))
    assert status(tmp_path / "run")["exit_code"] == 75, text(tmp_path / "log")
    job_id = sbatch(*arguments, options=TWO_NODES, log=tmp_path / "log2")
    assert wait_for_end(job_id, tmp_path / "log2")["ExitCode"] == "0:0", text(tmp_path / "log2")
    assert status(tmp_path / "run")["tiles_resumed"] >= 4
    assert differences(expected, tmp_path / "run") == ""


def start_and_kill(config, run_dir, log, node, *options):
    """Over two nodes, one of which dies when some of the run is committed; the job's id."""
    job_id = sbatch("several-nodes.sbatch", config, "--run-dir", run_dir, "--set",
                    "/run/silent_limit_s=10", options=(*TWO_NODES, *options), log=log)
    wait_for_ranges(run_dir, 4, log)
    kill_node(node)
    return job_id


def test_without_a_node_of_workers_the_others_finish(reference, tmp_path):
    config, expected = reference
    run_dir, log = tmp_path / "run", tmp_path / "log"
    # Without --no-kill Slurm requeues the job once it misses the node, unless it is done by then.
    job_id = start_and_kill(config, run_dir, log, "n2", "--no-kill")
    end = wait_for_end(job_id, log)
    start_node("n2")
    assert (end["ExitCode"], end["Restarts"]) == ("0:0", "0"), text(log)
    # Rows stand in the order in which ranks said hello.
    ranks = sorted(status(run_dir)["ranks"], key=lambda rank: rank["rank"])
    assert [rank["alive"] for rank in ranks] == [True, True, False, False]
    assert differences(expected, run_dir) == ""


def test_without_the_node_of_the_master_it_is_requeued(reference, tmp_path):
    config, expected = reference
    run_dir, log = tmp_path / "run", tmp_path / "log"
    job_id = start_and_kill(config, run_dir, log, "n1")
    wait_until(lambda: job(job_id)["Restarts"] == "1", 90, lambda: f"{job(job_id)} {text(log)}")
    start_node("n1")
    assert wait_for_end(job_id, log)["ExitCode"] == "0:0", text(log)
    assert status(run_dir)["tiles_resumed"] >= 4
    assert differences(expected, run_dir) == ""


@pytest.fixture
def stand_in(tmp_path):
    """A program in the place of tilepool: notes its arguments and hosts, ends with code 75."""
    script = tmp_path / "tilepool"
    script.write_text('#!/bin/bash\necho "$*" >>"$0.arguments"\n'
                      'if [[ $6 == --hostfile ]]; then cat "$7" >"$0.hosts"; fi\nexit 75\n')
    script.chmod(0o755)
    return script


def test_a_job_that_commits_nothing_is_given_up(stand_in, tmp_path):
    log = tmp_path / "log"
    job_id = sbatch("one-node.sbatch", "a config.json", "--fresh", "--run-dir", tmp_path / "run",
                    log=log, TILEPOOL=str(stand_in))
    end = wait_for_end(job_id, log)
    assert (end["JobState"], end["ExitCode"], end["Restarts"]) == ("FAILED", "75:0", "1"), text(log)
    assert "two attempts in a row committed nothing" in text(log)
    options = f"launch --restarts 2 -n 3 run a config.json {{}}--run-dir {tmp_path}/run\n"
    assert text(f"{stand_in}.arguments") == options.format("--fresh ") + options.format("")


def test_a_rank_per_gpu_and_the_master_beside_them(stand_in, tmp_path):
    gpus = ("--nodes=2", "--gpus-per-node=2", "--ntasks-per-node=3", "--cpus-per-task=1",
            "--mem=2000", "--time=10")
    job_id = sbatch("multi-gpu.sbatch", "c.json", "--run-dir", tmp_path / "run", options=gpus,
                    log=tmp_path / "log", TILEPOOL=str(stand_in))
    wait_for_end(job_id, tmp_path / "log")
    assert text(f"{stand_in}.arguments").startswith("launch --restarts 2 -n 5 --hostfile ")
    assert text(f"{stand_in}.hosts") == "n1 slots=3\nn2 slots=2\n"


def test_a_cohort_is_one_job(stand_in, tmp_path):
    (tmp_path / "slides.csv").write_text("path\n")
    job_id = sbatch("cohort.sbatch", "c.json", tmp_path / "slides.csv", "--run-dir",
                    tmp_path / "run", options=TWO_NODES, log=tmp_path / "log",
                    TILEPOOL=str(stand_in))
    wait_for_end(job_id, tmp_path / "log")
    first = text(f"{stand_in}.arguments").splitlines()[0]
    assert first == (f"launch --restarts 2 -n 4 run c.json --set /manifest={tmp_path}/slides.csv "
                     f"--run-dir {tmp_path}/run")
