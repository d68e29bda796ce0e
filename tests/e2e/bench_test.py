"""`tilepool bench`: figures that can be, a page that loads nothing, and nothing left behind."""
import json
import re
import signal
import struct
import subprocess

import pytest

from runs import BINARY, ENVIRONMENT, tilepool, write_config

TILES = {"tiles": {"size_px": 512, "halo_px": 64}}


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slide")
    done = tilepool("synth", "--out", folder, "--slides", 1, "--size", 4096, "--seed", 3)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.tif"))


def write_raw_tiff(path, edge=1024, tile=256):
    """A tiled TIFF without compression: no JPEG tiles."""
    pixels = bytes(range(256)) * (3 * tile * tile // 256)
    n = (edge // tile) ** 2
    table = 8 + 4  # of tiles, behind header and bits per sample (padded)
    offsets, counts = table + 4, table + 4 + 4 * n
    data = counts + 4 * n
    entries = [(256, 4, 1, edge), (257, 4, 1, edge), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2),
               (277, 3, 1, 3), (284, 3, 1, 1), (322, 4, 1, tile), (323, 4, 1, tile),
               (324, 4, n, offsets), (325, 4, n, counts)]
    directory = data + n * len(pixels)
    with open(path, "wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, directory))
        file.write(struct.pack("<4H", 8, 8, 8, 0))
        file.write(struct.pack(f"<{n}I", *(data + i * len(pixels) for i in range(n))))
        file.write(struct.pack(f"<{n}I", *([len(pixels)] * n)))
        file.write(pixels * n)
        file.write(struct.pack("<H", len(entries)))
        for tag, kind, count, value in entries:
            file.write(struct.pack("<HHII", tag, kind, count, value))
        file.write(struct.pack("<I", 0))


def rates(series):
    assert series and all(one["mpx_per_s"] > 0 and one["repeats"] >= 1 for one in series)
    return {one["threads"]: one["mpx_per_s"] for one in series}


def test_figures_page_and_nothing_else(slide, tmp_path):
    config = write_config(tmp_path, [slide], **TILES, sample={"fraction": 0.5})
    done = tilepool("bench", config, "--seconds", 3, "--threads", 2, "--json",
                    "--run-dir", tmp_path / "runs/mine", "--out", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["threads"] == 2 and figures["versions"]["openslide"]
    assert figures["tile_size_px"] == 512 and figures["task"] == "segment"
    [one] = figures["slides"]
    assert one["reader"] == "direct" and one["problem"] == ""
    assert one["places"] == "spread over the tiles with tissue"
    assert one["file_system"]["bytes_per_s"] > 0 and one["file_system"]["random_read_s"] > 0
    limit = rates(one["decode_limit"]["rates"])
    direct, openslide = rates(one["sources"]["direct"]), rates(one["sources"]["openslide"])
    assert set(limit) == set(direct) == set(openslide) == {1, 2}
    # Halos of 64 px touch JPEG tiles of 256 px at all four sides: 4 x 4 of them, or 1024^2 px.
    assert one["decode_limit"]["touched_ratio"] == pytest.approx((1024 / 640) ** 2, rel=0.2)
    job = figures["job"]
    assert job["tiles"] == job["sample"] > 0 and job["tiles_failed"] == 0
    assert job["tiles_per_s"] > 0 and job["mpx_per_s"] > 0 and job["pooling_s"] > 0
    shares = [job[key] for key in ("computing", "wait_read", "wait_commit", "wait_lease")]
    assert sum(shares) == pytest.approx(1)
    assert figures["verdict"] and all(line["text"].endswith(".") for line in figures["verdict"])
    page = (tmp_path / "page.html").read_text()
    assert "<svg" in page and figures["verdict"][0]["key"]
    assert not re.search(r"url\(|@import|https?://|<script|<img|<link", page)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "page.html"]


def test_text_and_a_slide_without_jpeg_tiles(tmp_path):
    write_raw_tiff(tmp_path / "raw.tif")
    config = write_config(tmp_path, [{"path": str(tmp_path / "raw.tif"), "mpp": 0.5},
                                     tmp_path / "none.tif"],
                          tiles={"size_px": 256, "halo_px": 16}, task={"kind": "tile-features"})
    done = tilepool("bench", config, "--seconds", 2, "--run-dir", tmp_path / "run",
                    "--out", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "decode limit not known for this format" in done.stdout
    assert "none" in done.stderr and "no such file" in done.stderr
    assert re.search(r"^openslide +1 ", done.stdout, re.M)
    assert not re.search(r"^direct ", done.stdout, re.M)


def test_what_a_person_gets_wrong(slide, tmp_path):
    config = write_config(tmp_path, [slide], **TILES)
    before = sorted(tmp_path.iterdir())
    out = ("--out", tmp_path / "page.html")
    assert tilepool("bench", tmp_path / "none.json", *out).returncode == 66
    assert tilepool("bench", config, *out, "--set", '/slides=["none.tif"]').returncode == 66
    broken = tilepool("bench", config, *out, "--set", f'/slides=["{config}"]')
    assert broken.returncode == 66 and "OpenSlide" in broken.stderr
    assert tilepool("bench", config, *out, "--set", "/tiles/size_px=0").returncode == 78
    assert tilepool("bench", config, *out, "--seconds", 1).returncode == 64
    nowhere = tilepool("bench", config, "--out", tmp_path / "no/page.html")
    assert nowhere.returncode == 74 and "no/page.html" in nowhere.stderr
    launched = subprocess.run([BINARY, "bench", str(config)], capture_output=True, text=True,
                              env=dict(ENVIRONMENT, OMPI_COMM_WORLD_SIZE="2"), cwd=tmp_path)
    assert launched.returncode == 64 and "mpirun" in launched.stderr
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("during", ["slides", "job"])
def test_a_signal_leaves_nothing(slide, tmp_path, during):
    config = write_config(tmp_path, [slide], **TILES)
    # Time for the phase that is to be met: the job's share of 4 s comes after 2.2 s.
    seconds = 60 if during == "slides" else 4
    bench = subprocess.Popen([BINARY, "bench", str(config), "--seconds", str(seconds), "--run-dir",
                              str(tmp_path / "runs/mine"), "--out", str(tmp_path / "page.html")],
                             stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    awaited = "measuring" if during == "slides" else "running the job"
    assert any(awaited in line for line in bench.stderr)
    bench.send_signal(signal.SIGINT)
    told = bench.stderr.read()
    assert bench.wait(timeout=60) == 75, told
    assert "stopped" in told
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]
