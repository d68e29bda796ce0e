"""A flat slide scanned in strips: the same results as scanned by one reader, on any ranks, resumed."""
import json
import shutil
import signal
import struct
import subprocess
import time
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from runs import (ENVIRONMENT, command, differences, ledger, results, run, status, write_config)

TILES = {"tiles": {"size_px": 512, "halo_px": 64}, "sample": {"fraction": 0.3}}
IN_STRIPS = ("--set", "/tissue/scan_strip_mpx=1")
WIDTH, HEIGHT, STRIPS = 2048, 24576, 12  # scanned at 8 um: blocks of 2048 px
TILE = 256


def paint(seed):
    """Pink tissue with purple nuclei on bright glass, RGB."""
    random = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    image[1500:9000, 300:1700] = (225, 170, 200)
    image[12100:23000, 500:2048] = (215, 160, 195)
    y, x = np.mgrid[-14:15, -14:15]
    disc = x * x + y * y < 13 * 13
    for cy in range(1600, HEIGHT - 100, 70):
        for cx in range(340, WIDTH - 60, 70):
            top, left = cy + random.integers(-9, 9), cx + random.integers(-9, 9)
            patch = image[top:top + 29, left:left + 29]
            if patch[14, 14, 1] < 200:
                patch[disc] = (110, 60, 140)
    return image - random.integers(0, 12, (HEIGHT, WIDTH, 1), np.uint8)


def write_tiff(path, image, mpp=0.25):
    """A tiled, deflated TIFF of one level. Returns where its tiles lie."""
    tiles = [zlib.compress(image[y:y + TILE, x:x + TILE].tobytes(), 1)
             for y in range(0, HEIGHT, TILE) for x in range(0, WIDTH, TILE)]
    offsets = list(np.cumsum([8] + [len(tile) for tile in tiles[:-1]]))
    end = offsets[-1] + len(tiles[-1])
    extra = struct.pack("<HHH", 8, 8, 8) + struct.pack("<II", round(1e7 / mpp), 1000)
    lists = end + len(extra)
    entries = [(256, 4, 1, WIDTH), (257, 4, 1, HEIGHT), (258, 3, 3, end), (259, 3, 1, 8),
               (262, 3, 1, 2), (277, 3, 1, 3), (282, 5, 1, end + 6), (283, 5, 1, end + 6),
               (296, 3, 1, 3), (322, 3, 1, TILE), (323, 3, 1, TILE),
               (324, 4, len(tiles), lists), (325, 4, len(tiles), lists + 4 * len(tiles))]
    with open(path, "wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, lists + 8 * len(tiles)))
        file.write(b"".join(tiles) + extra)
        file.write(struct.pack(f"<{len(tiles)}I", *offsets))
        file.write(struct.pack(f"<{len(tiles)}I", *map(len, tiles)))
        file.write(struct.pack("<H", len(entries)))
        file.write(b"".join(struct.pack("<HHII", *entry) for entry in entries) + b"\0\0\0\0")
    return offsets


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """The configuration of a flat slide, the run that read it at once, and where its tiles lie."""
    folder = tmp_path_factory.mktemp("flat")
    offsets = write_tiff(folder / "flat.tif", paint(1))
    config = write_config(folder, [folder / "flat.tif"], **TILES)
    run(config, folder / "whole")
    with results(folder / "whole") as file:
        assert file["slides/n_pool"][0] > 50 and len(file["cells/x"]) > 500
    assert strip_events(folder / "whole") == []
    return config, folder / "whole", offsets


def strips(run_dir):
    return [f for f in Path(run_dir, "scan").glob("*.strip-*") if not f.name.startswith(".")]


def strip_events(run_dir):
    lines = (Path(run_dir) / "events.jsonl").read_text().splitlines()
    return [event["strips"] for event in map(json.loads, lines) if event["event"] == "strips"]


def expect_equal(a, b):
    assert differences(a, b) == ""
    name, = (f.name for f in Path(a, "scan").glob("*.h5"))
    done = subprocess.run(["h5diff", "-v", a / "scan" / name, b / "scan" / name],
                          capture_output=True, text=True)
    assert done.returncode == 0 and "tissue_fraction" in done.stdout, done.stdout + done.stderr
    assert strips(a) == strips(b) == [], "strips are removed once the slide is scanned"


@pytest.mark.parametrize("ranks", [None, 3])
def test_strips_give_what_one_reader_gives(flat, tmp_path, ranks):
    config, whole, _ = flat
    run(config, tmp_path / "run", *IN_STRIPS, ranks=ranks)
    assert strip_events(tmp_path / "run") == [STRIPS]
    expect_equal(whole, tmp_path / "run")


@pytest.mark.parametrize("setting", ["/workers/readers=0", "/tissue/scan_strip_mpx=13",
                                     "/memory/host_per_rank=512MiB"])
def test_how_they_are_read_makes_no_difference(flat, tmp_path, setting):
    config, whole, _ = flat
    run(config, tmp_path / "run", *IN_STRIPS, "--set", setting)
    assert strip_events(tmp_path / "run") == [4 if "mpx" in setting else STRIPS]
    expect_equal(whole, tmp_path / "run")
    for rank in status(tmp_path / "run")["ranks"]:
        assert rank["peak_rss_bytes"] <= rank["budget_bytes"]


def test_damage_is_told_and_kept_as_by_one_reader(flat, tmp_path):
    config, _, offsets = flat
    slide = shutil.copy(config.parent / "flat.tif", tmp_path)
    with open(slide, "r+b") as file:
        for tile in (8 * 20 + 3, 8 * 47 + 1, 8 * 48 + 1):  # of the last two, two strips have one each
            file.seek(offsets[tile])
            file.write(b"\xff" * 64)
    config = write_config(tmp_path, [Path(slide)], **TILES)
    run(config, tmp_path / "whole", code=3)
    scan, = (tmp_path / "whole/scan").glob("*.h5")
    with h5py.File(scan) as file:
        assert b"parts cannot be read and count as tissue" in file.attrs["notes"]
    run(config, tmp_path / "run", *IN_STRIPS, ranks=3, code=3)
    assert strip_events(tmp_path / "run") == [STRIPS]
    expect_equal(tmp_path / "whole", tmp_path / "run")


def test_a_slide_too_damaged_fails_as_by_one_reader(flat, tmp_path):
    config, _, offsets = flat
    slide = shutil.copy(config.parent / "flat.tif", tmp_path)
    with open(slide, "r+b") as file:
        for offset in offsets[:8 * 60]:
            file.seek(offset)
            file.write(b"\xff" * 64)
    config = write_config(tmp_path, [Path(slide)], **TILES)
    run(config, tmp_path / "whole", code=3)
    run(config, tmp_path / "run", *IN_STRIPS, code=3)
    failed = ledger(tmp_path / "run")["flat"]
    assert failed["status"] == "failed" and failed["reason"]
    assert failed["reason"] == ledger(tmp_path / "whole")["flat"]["reason"]
    assert strips(tmp_path / "run") == []


@pytest.mark.parametrize("stop,ranks", [(signal.SIGTERM, 3), (signal.SIGKILL, None)])
def test_a_run_that_ended_while_in_strips_is_resumed(flat, tmp_path, stop, ranks):
    config, whole, _ = flat
    process = subprocess.Popen(
        command(config, tmp_path / "run", *IN_STRIPS, "--set", "/workers/readers=0"),
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(strips(tmp_path / "run")) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "no strip was committed"
        time.sleep(0.002)
    process.send_signal(stop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (75 if stop == signal.SIGTERM else -stop), errors
    assert 2 <= len(strips(tmp_path / "run")) < STRIPS
    assert list((tmp_path / "run/scan").glob("*.h5")) == []
    run(config, tmp_path / "run", *IN_STRIPS, ranks=ranks)
    expect_equal(whole, tmp_path / "run")


def test_a_strip_that_crashes_the_process_again_and_again_is_given_up(flat, tmp_path):
    config, _, _ = flat
    arguments = command(config, tmp_path / "run", *IN_STRIPS)
    crashing = dict(ENVIRONMENT, TILEPOOL_FAULT="at=strip index=9 do=segv")
    codes = []
    while not codes or codes[-1] < 0:
        assert len(codes) < 6, codes
        codes.append(subprocess.run(arguments, env=crashing, capture_output=True).returncode)
    assert codes[0] == -signal.SIGSEGV and codes[-1] == 0, codes
    scan, = (tmp_path / "run/scan").glob("*.h5")
    with h5py.File(scan) as file:
        assert b"; 1 parts cannot be read and count as tissue: crashed" in file.attrs["notes"]
        tissue = file["tissue/mask"][:]
        rows = tissue.shape[0] // STRIPS
        assert tissue[9 * rows:10 * rows].all() and not tissue[8 * rows:9 * rows].all()
    assert strips(tmp_path / "run") == []


def test_a_planned_run_reads_no_strips_and_tells_of_a_changed_slide(flat, tmp_path):
    config, whole, _ = flat
    slide = Path(shutil.copy(config.parent / "flat.tif", tmp_path))
    config = write_config(tmp_path, [slide], **TILES)
    run(config, tmp_path / "run", *IN_STRIPS)
    (tmp_path / "run/results.h5").unlink()
    run(config, tmp_path / "run", *IN_STRIPS)
    write_tiff(slide, paint(2))
    done = run(config, tmp_path / "run", *IN_STRIPS, code=78)
    assert "flat: its content changed" in done.stderr
    assert strip_events(tmp_path / "run") == [STRIPS], "of the first run alone"
    shutil.copy(whole.parent / "flat.tif", slide)
    run(config, tmp_path / "run", *IN_STRIPS)
    with results(tmp_path / "run") as mine, results(whole) as other:
        assert np.array_equal(mine["pool/tissue_fraction"][:], other["pool/tissue_fraction"][:])
