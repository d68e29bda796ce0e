"""Every rank stays inside its budget, or the run is refused with the smallest budget that would do."""
import os
import re
import subprocess
import threading
import time

import pytest

from runs import COMPOSITE, ENVIRONMENT, command, needs_data, results, run, texts, write_config

MIB = 1 << 20
pytestmark = needs_data


def composite(folder, size_px, limit):
    return write_config(folder, [COMPOSITE], tiles={"size_px": size_px},
                        tissue={"min_fraction": 0.001}, sample={"fraction": 1.0},
                        memory={"host_per_rank": limit})


def peak_alone(config, run_dir):
    """Exit code, stderr and the largest resident set as the kernel counted it."""
    process = subprocess.Popen(command(config, run_dir), env=ENVIRONMENT, text=True,
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, errors, usage.ru_maxrss * 1024


@pytest.mark.parametrize("size_px", [1024, 3000])
@pytest.mark.parametrize("limit_mib", [512, 1024, 2048])
def test_one_process_stays_inside_its_budget(tmp_path, size_px, limit_mib):
    config = composite(tmp_path, size_px, f"{limit_mib}MiB")
    code, errors, peak = peak_alone(config, tmp_path / "run")
    assert code == 0, errors
    assert peak < limit_mib * MIB
    with results(tmp_path / "run") as file:
        ranks = file["telemetry/ranks"]
        assert (ranks["limit_bytes"][:] == limit_mib * MIB).all()
        assert (ranks["peak_bytes"][:] > 32 * MIB).all()
        # /proc and rusage count pages in batches per thread: equal to within a few of them.
        assert (ranks["peak_bytes"][:] <= peak + MIB).all()


@pytest.mark.parametrize("size_px", [1024, 3000])
def test_too_small_a_budget_is_refused_with_the_smallest_that_works(tmp_path, size_px):
    config = composite(tmp_path, size_px, "150MiB")
    code, errors, _ = peak_alone(config, tmp_path / "run")
    assert code == 78
    needed = int(re.search(r"host_per_rank to at least (\d+)MiB", errors).group(1))
    assert not (tmp_path / "run/plan.h5").exists(), "refused before anything is computed"
    config = composite(tmp_path, size_px, f"{needed - 8}MiB")
    assert peak_alone(config, tmp_path / "run")[0] == 78
    config = composite(tmp_path, size_px, f"{needed}MiB")
    code, errors, peak = peak_alone(config, tmp_path / "run")
    assert code == 0, errors
    assert peak < needed * MIB


def watch_ranks(run_dir, peaks, stop):
    """Largest resident set (VmHWM) of every process whose command line names the run directory."""
    while not stop.is_set():
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline") as file:
                    words = file.read().split("\0")
                if str(run_dir) not in words or not words[0].endswith("tilepool"):
                    continue
                with open(f"/proc/{pid}/status") as file:
                    mark = re.search(r"VmHWM:\s+(\d+) kB", file.read())
            except OSError:
                continue
            if mark:
                peaks[int(pid)] = int(mark.group(1)) * 1024
        time.sleep(0.02)


@pytest.mark.parametrize("size_px,limit_mib", [(1024, 512), (3000, 512), (3000, 1024)])
def test_every_rank_of_three_stays_inside_its_budget(tmp_path, size_px, limit_mib):
    config = composite(tmp_path, size_px, f"{limit_mib}MiB")
    peaks, stop = {}, threading.Event()
    watcher = threading.Thread(target=watch_ranks, args=(tmp_path / "run", peaks, stop))
    watcher.start()
    try:
        run(config, tmp_path / "run", ranks=3)
    finally:
        stop.set()
        watcher.join()
    assert len(peaks) == 3
    assert max(peaks.values()) < limit_mib * MIB, peaks
    with results(tmp_path / "run") as file:
        assert texts(file["telemetry/ranks/role"]) == ["master", "worker", "worker"]
