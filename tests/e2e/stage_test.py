"""Slides copied to a disk of the node: the same results, and nothing is left behind."""
import signal
import subprocess
import time
from pathlib import Path

import pytest

from runs import (BINARY, ENVIRONMENT, cohort, command, differences, run, status, tilepool,
                  write_config)

TILES = {"tiles": {"size_px": 512, "halo_px": 64}, "sample": {"fraction": 1.0},
         "workers": {"readers": 1}}
# A tenth of a second for each tile: there are tiles left when the copies are whole.
SLOW = dict(ENVIRONMENT, TILEPOOL_FAULT="at=compute do=slow")


@pytest.fixture(scope="module")
def unstaged(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unstaged")
    config = write_config(folder, cohort, **TILES)
    run(config, folder / "run")
    assert status(folder / "run")["tiles_done"] > 20
    assert [rank["staged_slides"] for rank in status(folder / "run")["ranks"]] == [0]
    return config, folder / "run"


@pytest.fixture
def stage(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def staged_at(stage):
    return "--set", f"/workers/stage={stage}"


def start(config, run_dir, stage):
    """A slow run of one process, once a copy is whole."""
    process = subprocess.Popen(command(config, run_dir, *staged_at(stage)), env=SLOW, text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(stage.glob("tilepool-*/*.tif")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "nothing was copied"
        time.sleep(0.002)
    return process


def test_a_staged_run_gives_the_same_and_cleans_up(unstaged, cohort, stage, tmp_path):
    config, whole = unstaged
    done = subprocess.run(command(config, tmp_path / "run", *staged_at(stage), ranks=3), env=SLOW,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert differences(whole, tmp_path / "run") == ""
    assert list(stage.iterdir()) == []
    ranks = status(tmp_path / "run")["ranks"]
    assert 1 <= sum(rank["staged_slides"] for rank in ranks) <= len(cohort), "once on a node"
    assert (0 < sum(rank["staged_bytes"] for rank in ranks)
            <= sum(slide.stat().st_size for slide in cohort))
    for rank in ranks:
        assert rank["peak_rss_bytes"] <= rank["budget_bytes"]


def test_a_killed_run_leaves_copies_and_the_next_one_removes_them(unstaged, stage, tmp_path):
    config, whole = unstaged
    process = start(config, tmp_path / "run", stage)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    left, = stage.iterdir()
    (stage / "tilepool-notes").mkdir()
    done = run(config, tmp_path / "run", *staged_at(stage), ranks=3)
    assert f"removed {left}, which a run that was killed had left" in done.stderr
    assert differences(whole, tmp_path / "run") == ""
    assert [path.name for path in stage.iterdir()] == ["tilepool-notes"]


def test_a_stopped_run_leaves_nothing_and_goes_on_without(unstaged, stage, tmp_path):
    config, whole = unstaged
    process = start(config, tmp_path / "run", stage)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 75, errors
    assert list(stage.iterdir()) == []
    run(config, tmp_path / "run", "--set", "/workers/stage=null")
    assert differences(whole, tmp_path / "run") == ""


def test_what_does_not_fit_is_read_where_it_lies(unstaged, cohort, stage, tmp_path):
    config, whole = unstaged
    large = Path(cohort[0])
    with open(large, "r+b") as file:  # sparse bytes behind the TIFF, which nothing points to
        size = file.seek(0, 2)
        file.truncate(2 << 20)
    try:
        config = write_config(tmp_path, [large], **TILES)
        run(config, tmp_path / "plain")
        done = run(config, tmp_path / "run", *staged_at(stage),
                   "--set", "/workers/stage_limit=1MiB")
        assert f"{large} is read where it lies: there is no room for its 2.00 MiB" in done.stderr
        assert differences(tmp_path / "plain", tmp_path / "run") == ""
        assert list(stage.iterdir()) == []
    finally:
        with open(large, "r+b") as file:
            file.truncate(size)


def test_a_folder_that_is_not_there_is_told_before_anything_begins(unstaged, tmp_path):
    config, _ = unstaged
    for ranks in (None, 3):
        done = run(config, tmp_path / "run", *staged_at(tmp_path / "none"), ranks=ranks, code=78)
        assert f"{tmp_path / 'none'} is not there; make it on every node" in done.stderr
    assert not (tmp_path / "run/run.json").exists()
    done = tilepool("run", config, "--set", "/workers/stage=scratch")
    assert done.returncode == 78 and '"scratch" is not an absolute path' in done.stderr
    done = tilepool("doctor", config, *staged_at(tmp_path / "none"))
    assert done.returncode == 78
    assert f"FAIL  /workers/stage: {tmp_path / 'none'} is not there" in done.stdout


def test_a_node_without_the_folder_reads_where_slides_lie(unstaged, stage, tmp_path):
    config, whole = unstaged
    one = [BINARY, "run", config, "--run-dir", tmp_path / "run"]
    done = subprocess.run(
        ["mpirun", "--oversubscribe", "-n", "1", *one, *staged_at(stage),
         ":", "-n", "1", *one, *staged_at(tmp_path / "none")],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"(/workers/stage): {tmp_path / 'none'} is not there" in done.stderr
    assert differences(whole, tmp_path / "run") == ""


def test_plan_and_doctor_tell_what_would_be_copied(unstaged, stage):
    config, _ = unstaged
    done = tilepool("plan", config, *staged_at(stage))
    assert done.returncode == 0, done.stderr
    assert f"of slides to {stage} on each node that reads them" in done.stdout
    done = tilepool("doctor", config, *staged_at(stage))
    assert "WARN  /workers/stage" in done.stdout and "3 lie on the same file system" in done.stdout
