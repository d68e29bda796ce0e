"""What a person gets wrong: each a clear message, the right exit code, and nothing lost."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runs import (BINARY, ENVIRONMENT, cohort, differences, results, run, status, tilepool,
                  write_config)

TILES = {"tiles": {"size_px": 512, "halo_px": 64}, "sample": {"fraction": 0.3}}


def test_five_mistakes_are_five_lines_with_their_pointers(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({
        "slides": ["*.tif"], "tiles": {"size_px": -3}, "sample": {"fraction": 10, "sed": 1},
        "tissue": {"method": "otzu"}, "output": {"compression": "gzip:11"}}))
    done = tilepool("run", tmp_path / "config.json", "--run-dir", tmp_path / "run")
    assert done.returncode == 78
    for pointer in ("/tiles/size_px", "/sample/fraction", "/sample/sed", "/tissue/method",
                    "/output/compression"):
        assert f" at {pointer}: " in done.stderr, done.stderr
    assert "seed" in done.stderr and "otsu" in done.stderr
    assert not (tmp_path / "run").exists()


def test_under_mpirun_one_rank_tells_it_once(tmp_path):
    (tmp_path / "config.json").write_text('{"slides": ["x.tif"], "tiles": {"size_px": 0}}')
    done = run(tmp_path / "config.json", tmp_path / "run", ranks=3, code=78)
    assert done.stderr.count("/tiles/size_px") == 1


def test_no_such_config_and_no_such_slides(tmp_path):
    assert run(tmp_path / "none.json", tmp_path / "run", code=66)
    done = run(write_config(tmp_path, [tmp_path / "*.svs"]), tmp_path / "run", code=66)
    assert "*.svs" in done.stderr


def test_a_misspelt_path_is_a_failed_slide_and_the_others_go_on(cohort, tmp_path):
    config = write_config(tmp_path, [*cohort, tmp_path / "misspelt.svs"], **TILES)
    run(config, tmp_path / "run", code=3)
    with results(tmp_path / "run") as file:
        assert len(file["slides/id"]) == 4 and len(file["sample/pool"]) > 0


def test_wrong_usage(tmp_path):
    for arguments in (["rnu"], ["run"], ["run", "a.json", "--no-such"], []):
        done = tilepool(*arguments)
        assert done.returncode == 64 and done.stderr.strip(), arguments


def test_what_is_not_built_says_so(cohort, tmp_path):
    done = run(write_config(tmp_path, cohort, task={"kind": "infer"}), tmp_path / "run", code=78)
    assert '"infer" is not built' in done.stderr


def test_a_run_directory_that_cannot_be_made(cohort, tmp_path):
    (tmp_path / "file").write_text("")
    done = run(write_config(tmp_path, cohort, **TILES), tmp_path / "file/run", code=74)
    assert "file/run" in done.stderr


def test_another_configuration_is_refused_with_the_differing_keys(cohort, tmp_path):
    config = write_config(tmp_path, cohort, **TILES)
    run(config, tmp_path / "run")
    before = (tmp_path / "run/results.h5").read_bytes()
    done = run(config, tmp_path / "run", "--set", "/tiles/size_px=1024", code=78)
    assert "/tiles/size_px: 512 -> 1024" in done.stderr and "--fresh" in done.stderr
    done = run(config, tmp_path / "run", "--set", "/sample/fraction=0.2", code=78)
    assert "/sample/fraction" in done.stderr
    done = run(write_config(tmp_path, cohort[:2], **TILES), tmp_path / "run", code=78)
    assert "is gone" in done.stderr
    assert (tmp_path / "run/results.h5").read_bytes() == before
    run(config, tmp_path / "run", "--set", "/tiles/size_px=1024", "--fresh")


def test_results_of_unknown_origin_are_not_overwritten(cohort, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/results.h5").write_text("precious")
    done = run(write_config(tmp_path, cohort, **TILES), tmp_path / "run", code=78)
    assert "results.h5 exists" in done.stderr
    assert (tmp_path / "run/results.h5").read_text() == "precious"


def test_a_slide_that_changed_between_stop_and_resume(cohort, tmp_path):
    slides = [Path(shutil.copy(slide, tmp_path)) for slide in cohort]
    config = write_config(tmp_path, slides, **TILES)
    run(config, tmp_path / "run")
    run(config, tmp_path / "undisturbed")
    (tmp_path / "run/results.h5").unlink()
    shutil.copy(cohort[0], slides[1])
    done = run(config, tmp_path / "run", code=78)
    assert slides[1].stem in done.stderr and "changed" in done.stderr
    shutil.copy(cohort[1], slides[1])
    run(config, tmp_path / "run")
    assert differences(tmp_path / "run", tmp_path / "undisturbed") == ""


def test_a_tile_larger_than_the_budget(cohort, tmp_path):
    config = write_config(tmp_path, cohort, tiles={"size_px": 32000},
                          memory={"host_per_rank": "1GiB"})
    done = run(config, tmp_path / "run", code=78)
    assert re.search(r"host_per_rank to at least \d+MiB", done.stderr)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_stops_cleanly_and_resumes_when_there_is_room(cohort, tmp_path):
    config = write_config(tmp_path, cohort, **TILES)
    run(config, tmp_path / "undisturbed")
    size = sum(f.stat().st_size for f in (tmp_path / "undisturbed").rglob("*"))
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size // 2}", "tmpfs", disk])
    if mounted.returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        done = run(config, disk / "run", code=74)
        assert "No space left on device" in done.stderr, done.stderr
        subprocess.run(["mount", "-o", f"remount,size={size * 4}", disk], check=True)
        run(config, disk / "run")
        assert differences(disk / "run", tmp_path / "undisturbed") == ""
    finally:
        subprocess.run(["umount", disk], check=True)
