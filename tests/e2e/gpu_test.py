"""The job on a GPU - the emulated one of tests/cuda/emulation - gives the CPU's results, whatever the
card's memory, and also when the card is lost on the way."""
import os
import re
import subprocess

import pytest

from runs import ENVIRONMENT, differences, results, run, status, texts, tilepool, write_config

GPU_BINARY = os.environ["TILEPOOL_GPU_BINARY"]
SMALL = {"tiles": {"size_px": 192, "halo_px": 32}, "sample": {"fraction": 0.02, "seed": 3}}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Two slides, and what the CPU finds in them."""
    folder = tmp_path_factory.mktemp("gpu")
    made = tilepool("synth", "--out", folder / "slides", "--slides", 2, "--size", 2048, "--seed", 5)
    assert made.returncode == 0, made.stderr
    config = write_config(folder, sorted((folder / "slides").glob("*.tif")), **SMALL)
    run(config, folder / "cpu")
    return config, folder / "cpu"


def run_gpu(config, run_dir, *arguments, ranks=None, gpu="memory_mib=2048", code=0):
    launcher = [] if ranks is None else ["mpirun", "--oversubscribe", "-n", str(ranks)]
    done = subprocess.run([*launcher, GPU_BINARY, "run", config, "--run-dir", run_dir, *arguments],
                          capture_output=True, text=True, timeout=600,
                          env=dict(ENVIRONMENT, TILEPOOL_EMULATED_GPU=gpu))
    assert done.returncode == code, done.stderr[-3000:]
    return done


def test_auto_takes_the_gpu_and_finds_what_the_cpu_finds(cohort, tmp_path):
    config, cpu = cohort
    done = run_gpu(config, tmp_path / "gpu")
    assert "the GPU computes: 1 of 1 visible (Emulated GPU)" in done.stderr
    assert re.search(r"GPU busy \d+ % of processing; computing \d+ %", done.stderr)
    assert differences(cpu, tmp_path / "gpu") == ""
    rank = status(tmp_path / "gpu")["ranks"][0]
    assert rank["device"] == "Emulated GPU" and rank["gpu_uuid"].startswith("GPU-00010203")
    assert 0 < rank["device_peak_bytes"] <= rank["device_budget_bytes"]
    with results(tmp_path / "gpu") as file:
        assert texts(file["telemetry/ranks/gpu_uuid"]) == [rank["gpu_uuid"]]
        assert file["telemetry/ranks/device_busy_s"][0] > 0


@pytest.mark.parametrize("limit", ["640MiB", "605MiB"])
def test_small_device_budgets_are_kept_and_change_nothing(cohort, tmp_path, limit):
    config, cpu = cohort
    run_gpu(config, tmp_path / "run", "--set", f"/memory/device_per_rank={limit}")
    assert differences(cpu, tmp_path / "run") == ""
    rank = status(tmp_path / "run")["ranks"][0]
    assert 0 < rank["device_peak_bytes"] <= int(limit[:3]) << 20


def test_a_device_budget_that_cannot_do_is_refused_with_one_that_can(cohort, tmp_path):
    config, cpu = cohort
    done = run_gpu(config, tmp_path / "no", "--set", "/memory/device_per_rank=300MiB", code=78)
    smallest = re.search(r"the smallest that would do is ([\d.]+) MiB", done.stderr).group(1)
    run_gpu(config, tmp_path / "yes", "--set",
            f"/memory/device_per_rank={int(float(smallest)) + 1}MiB")
    assert differences(cpu, tmp_path / "yes") == ""


def test_ranks_take_turns_on_two_cards(cohort, tmp_path):
    config, cpu = cohort
    run_gpu(config, tmp_path / "run", ranks=3, gpu="memory_mib=4096 devices=2")
    assert differences(cpu, tmp_path / "run") == ""
    ranks = status(tmp_path / "run")["ranks"]
    assert ranks[0]["gpu_uuid"] == "" and ranks[0]["device"] == "none"
    assert len({rank["gpu_uuid"] for rank in ranks[1:]}) == 2


def test_ranks_that_see_one_card_while_another_idles_are_refused(cohort, tmp_path):
    config, _ = cohort
    env = dict(ENVIRONMENT, TILEPOOL_EMULATED_GPU="memory_mib=4096", SLURM_GPUS_ON_NODE="2")
    done = subprocess.run(["mpirun", "--oversubscribe", "-n", "3", GPU_BINARY, "run", config,
                           "--run-dir", tmp_path / "run"], capture_output=True, text=True,
                          timeout=300, env=env)
    assert "while 1 of 2 GPUs idle" in done.stderr and "--gpus-per-node=2" in done.stderr
    assert status(tmp_path / "run")["exit_code"] == 78


def test_a_lost_card_is_told_and_nothing_is_lost(cohort, tmp_path):
    config, cpu = cohort
    done = run_gpu(config, tmp_path / "run", gpu="memory_mib=2048 lost_after_launches=150", code=70)
    assert "failed on the GPU" in done.stderr and "its tiles go to others" in done.stderr
    assert status(tmp_path / "run")["exit_code"] == 70
    run_gpu(config, tmp_path / "run")
    assert differences(cpu, tmp_path / "run") == ""


def test_cuda_without_a_gpu_is_an_error(cohort, tmp_path):
    config, _ = cohort
    done = run_gpu(config, tmp_path / "run", "--set", "/workers/device=cuda", gpu="memory_mib=0",
                   code=78)
    assert "/workers/device is cuda, but no GPU is visible" in done.stderr
    done = run_gpu(config, tmp_path / "run", gpu="memory_mib=0")
    assert "the CPU computes: no GPU is visible" in done.stderr
    done = run(config, tmp_path / "cpu", "--set", "/workers/device=cuda", code=70)
    assert "built without CUDA" in done.stderr
