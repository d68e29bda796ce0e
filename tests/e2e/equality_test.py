"""The same results for any number of ranks, after a stop and a resumption, and when the sample grew."""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from runs import (COMPOSITE, DATA, ENVIRONMENT, check_results, cohort, command, differences, ledger,
                  needs_data, results, run, status, write_config)

TILES = {"tiles": {"size_px": 512, "halo_px": 64}, "run": {"range_tiles": 4}}


@pytest.fixture(scope="module")
def reference(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    config = write_config(folder, cohort, **TILES, sample={"fraction": 0.5})
    run(config, folder / "run")
    with results(folder / "run") as file:
        assert len(file["cells/x"]) > 500
    return config, folder / "run"


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_results_do_not_depend_on_ranks(reference, tmp_path, ranks):
    config, expected = reference
    run(config, tmp_path / "run", ranks=ranks)
    assert differences(expected, tmp_path / "run") == ""
    check_results(tmp_path / "run", 0.5)


@pytest.mark.parametrize("setting", ["/workers/readers=0", "/workers/readers=1",
                                     "/output/compression=none", "/output/compression=gzip:6",
                                     "/run/range_tiles=1"])
def test_results_do_not_depend_on_how_they_are_made(reference, tmp_path, setting):
    config, expected = reference
    run(config, tmp_path / "run", "--set", setting)
    assert differences(expected, tmp_path / "run") == ""


@pytest.mark.parametrize("method", ["hsv", "otsu+hsv", "otsu|hsv", "variance"])
def test_every_tissue_method_pools_the_same_tiles_on_any_ranks(cohort, tmp_path, method):
    config = write_config(tmp_path, cohort, **TILES, tissue={"method": method},
                          sample={"fraction": 0.3}, task={"kind": "tile-features"})
    run(config, tmp_path / "one")
    run(config, tmp_path / "three", ranks=3)
    with results(tmp_path / "one") as file:
        assert 10 < len(file["pool/x"]) < file["slides/n_grid"][:].sum()
    assert differences(tmp_path / "one", tmp_path / "three") == ""


def start(config, run_dir, ranks, *arguments):
    return subprocess.Popen(command(config, run_dir, *arguments, ranks=ranks), env=ENVIRONMENT,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for_ranges(run_dir, count, process):
    deadline = time.monotonic() + 120
    while len(list(Path(run_dir, "ranges").glob("*.h5"))) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "no range was committed"
        time.sleep(0.01)


@pytest.mark.parametrize("first_ranks,second_ranks", [(None, 3), (2, None), (4, 2)])
def test_a_stopped_run_is_resumed_with_other_ranks(reference, tmp_path, first_ranks, second_ranks):
    config, expected = reference
    whole = ("--set", "/sample/fraction=0.5", "--set", "/run/range_tiles=1")
    process = start(config, tmp_path / "run", first_ranks, *whole)
    wait_for_ranges(tmp_path / "run", 2, process)
    process.send_signal(signal.SIGUSR1)  # mpirun hands it on to every rank
    _, errors = process.communicate(timeout=60)
    committed = len(list((tmp_path / "run/ranges").glob("*.h5")))
    assert process.returncode == 75, errors
    assert status(tmp_path / "run")["state"] == "stopped"
    assert not (tmp_path / "run/results.h5").exists()
    run(config, tmp_path / "run", *whole, ranks=second_ranks)
    assert status(tmp_path / "run")["tiles_resumed"] >= committed
    assert differences(expected, tmp_path / "run") == ""


def test_killed_outright_it_resumes(reference, tmp_path):
    config, expected = reference
    process = start(config, tmp_path / "run", None, "--set", "/run/range_tiles=1")
    wait_for_ranges(tmp_path / "run", 2, process)
    process.kill()
    process.wait()
    run(config, tmp_path / "run")
    assert status(tmp_path / "run")["tiles_resumed"] >= 2
    assert differences(expected, tmp_path / "run") == ""


def test_a_finished_run_is_not_computed_again(reference):
    config, finished = reference
    before = os.stat(finished / "results.h5")
    run(config, finished)
    assert os.stat(finished / "results.h5").st_ino == before.st_ino
    assert status(finished)["state"] == "done"


def test_a_larger_sample_computes_only_the_new_tiles(cohort, tmp_path):
    small = write_config(tmp_path, cohort, **TILES, sample={"fraction": 0.2})
    run(small, tmp_path / "grown")
    with results(tmp_path / "grown") as file:
        before = {tuple(row) for row in zip(file["pool/slide"][:][file["sample/pool"][:]],
                                            file["pool/x"][:][file["sample/pool"][:]],
                                            file["pool/y"][:][file["sample/pool"][:]])}
    run(small, tmp_path / "grown", "--set", "/sample/fraction=0.6", ranks=3)
    assert status(tmp_path / "grown")["tiles_resumed"] == len(before)
    run(small, tmp_path / "fresh", "--set", "/sample/fraction=0.6")
    assert differences(tmp_path / "grown", tmp_path / "fresh") == ""
    check_results(tmp_path / "grown", 0.6)


def test_a_damaged_range_file_is_computed_again(reference, tmp_path):
    config, expected = reference
    run(config, tmp_path / "run")
    (tmp_path / "run/results.h5").unlink()
    victim = max((tmp_path / "run/ranges").glob("*.h5"), key=lambda f: f.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) * 3 // 4] ^= 0x10
    victim.write_bytes(content)
    done = run(config, tmp_path / "run")
    assert "computed again" in done.stderr
    assert differences(expected, tmp_path / "run") == ""


@needs_data
def test_tile_size_does_not_change_the_cells(tmp_path):
    """Cells of the composite in 512 px and in 3000 px tiles: the same but for at most 0.5 %."""
    found = {}
    for size in (512, 3000):
        config = write_config(tmp_path, [COMPOSITE], tiles={"size_px": size},
                              tissue={"min_fraction": 0.0001}, sample={"fraction": 1.0})
        run(config, tmp_path / f"run{size}")
        with results(tmp_path / f"run{size}") as file:
            found[size] = set(zip(file["cells/uid"][:].tolist(),
                                  file["cells/area_um2"][:].tolist()))
    union = found[512] | found[3000]
    assert len(found[3000]) > 2000
    assert len(found[512] ^ found[3000]) <= 0.005 * len(union), (
        len(found[512] - found[3000]), len(found[3000] - found[512]), len(union))
