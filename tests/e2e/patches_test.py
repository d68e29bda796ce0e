"""Task patches: places and pixels against openslide-python and numpy, whatever cut them."""
import shutil
import signal
import subprocess

import h5py
import numpy
import openslide
import pytest
from PIL import Image

from runs import (DATA, ENVIRONMENT, cohort, command, differences, ledger, needs_data,  # noqa: F401
                  results, run, status, texts, tilepool, write_config)


def patches(folder, slides, tiles=None, sample=None, workers=None, **options):
    return write_config(folder, slides, tiles={"size_px": 1024, **(tiles or {})},
                        sample={"fraction": 1.0, **(sample or {})}, workers=workers or {},
                        task={"kind": "patches"}, patches=options)


def region(slide, x, y, level, size):
    """What openslide-python reads, on white."""
    rgba = slide.read_region((int(x), int(y)), level, (size, size))
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return numpy.array(Image.alpha_composite(white, rgba).convert("RGB"))


class Patches:
    def __init__(self, run_dir):
        with results(run_dir) as file:
            table = file["patches"]
            self.size, self.level = int(table.attrs["size_px"]), int(table.attrs["level"])
            for name in ("slide", "sample", "x", "y", "tissue_fraction", "white_fraction",
                         "black_fraction", "sharpness"):
                setattr(self, name, table[name][:])
            self.pixels = table["pixels"][:] if "pixels" in table else None
            self.paths = texts(file["slides/path"])
            self.begin = file["sample/patch_begin"][:]
            self.n_patches = file["slides/n_patches"][:]
            assert (file["sample/n_patches"][:] == numpy.diff(self.begin)).all()
            assert not file["slides/n_cells"][:].any() and "cells" not in file


def arrays(run_dir):
    return {path.name: numpy.load(path, mmap_mode="r")
            for path in sorted((run_dir / "patches").glob("*.npy"))}


def places(patches):
    return list(zip(patches.slide.tolist(), patches.x.tolist(), patches.y.tolist()))


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("size, stride, pad", [(256, 256, False), (224, 100, True), (300, 512, True)])
def test_pixels_and_places(cohort, tmp_path, size, stride, pad, one_by_one):
    """Every place of the lattice once, wherever tiles end, with the pixels of its region."""
    config = patches(tmp_path, cohort[:1], size_px=size, stride_px=stride, pad=pad, pixels="results",
                     min_tissue=0, one_by_one=one_by_one)
    run(config, tmp_path / "run", "--set", "/tissue/min_fraction=0")
    found = Patches(tmp_path / "run")
    with openslide.OpenSlide(str(cohort[0])) as slide:
        width, height = slide.dimensions
        last = (width, height) if pad else (width - size + 1, height - size + 1)
        expected = {(x, y) for x in range(0, last[0], stride) for y in range(0, last[1], stride)}
        assert len(found.x) == len(expected)
        assert set(zip(found.x.tolist(), found.y.tolist())) == expected
        for i in range(len(found.x)):
            wanted = region(slide, found.x[i], found.y[i], 0, size)
            assert (found.pixels[i] == wanted).all(), (found.x[i], found.y[i])


def test_what_is_measured(cohort, tmp_path):
    config = patches(tmp_path, cohort[:1], size_px=128, pixels="results", min_tissue=0.3,
                     white_level=200, black_level=90)
    run(config, tmp_path / "run")
    found = Patches(tmp_path / "run")
    assert len(found.x) > 20 and (found.tissue_fraction >= 0.3).all()
    pixels = found.pixels.astype(int)
    numpy.testing.assert_allclose(found.white_fraction, (pixels.min(-1) >= 200).mean((1, 2)),
                                  rtol=1e-6)
    numpy.testing.assert_allclose(found.black_fraction, (pixels.max(-1) <= 90).mean((1, 2)),
                                  rtol=1e-6)
    grey = (77 * pixels[..., 0] + 150 * pixels[..., 1] + 29 * pixels[..., 2] + 128) >> 8
    edges = (4 * grey[:, 1:-1, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:] - grey[:, :-2, 1:-1]
             - grey[:, 2:, 1:-1])
    numpy.testing.assert_allclose(found.sharpness, edges.var((1, 2)), rtol=1e-6)
    with h5py.File(next((tmp_path / "run/scan").glob("*.h5"))) as scan:
        mask, downsample = scan["tissue/mask"][:], scan["tissue"].attrs["downsample"]
    fine = numpy.kron(mask, numpy.ones((8, 8)))  # parts of scan pixels by counting eighths
    for i in range(0, len(found.x), 7):
        box = [int(round(v / downsample * 8)) for v in (found.x[i], found.y[i], 128)]
        part = fine[box[1]:box[1] + box[2], box[0]:box[0] + box[2]]
        assert found.tissue_fraction[i] == pytest.approx(part.mean(), abs=0.03)
    # Rules drop exactly those that break them.
    limits = {"max_white": float(numpy.median(found.white_fraction)),
              "min_sharpness": float(numpy.percentile(found.sharpness, 30))}
    config = patches(tmp_path, cohort[:1], size_px=128, min_tissue=0.3, white_level=200,
                     black_level=90, **limits)
    run(config, tmp_path / "fewer")
    fewer = Patches(tmp_path / "fewer")
    keep = (found.white_fraction <= limits["max_white"]) & \
        (found.sharpness >= limits["min_sharpness"])
    assert 0 < keep.sum() < len(keep)
    assert (fewer.x == found.x[keep]).all() and (fewer.y == found.y[keep]).all()


def test_arrays_are_the_same_for_any_number_of_ranks_and_tiles(cohort, tmp_path):
    options = {"size_px": 200, "stride_px": 130, "pixels": "npy", "min_tissue": 0.2}
    config = patches(tmp_path, cohort, **options)
    run(config, tmp_path / "one")
    one = arrays(tmp_path / "one")
    found = Patches(tmp_path / "one")
    assert len(one) == 3 and [len(a) for a in one.values()] == found.n_patches.tolist()
    row = 0
    for array, path in zip(one.values(), sorted(found.paths)):
        assert array.dtype == numpy.uint8 and array.shape[1:] == (200, 200, 3)
        with openslide.OpenSlide(path) as slide:
            for i in range(0, len(array), 5):
                assert (array[i] == region(slide, found.x[row + i], found.y[row + i], 0, 200)).all()
        row += len(array)
    run(config, tmp_path / "three", ranks=4)
    assert differences(tmp_path / "one", tmp_path / "three") == ""
    for name, array in arrays(tmp_path / "three").items():
        assert (array == one[name]).all()
    counts = ledger(tmp_path / "one")
    assert sorted(int(line["patches"]) for line in counts.values()) == \
        sorted(found.n_patches.tolist())
    # Other tiles pool other tissue, but a patch in both is the same.
    other = patches(tmp_path, cohort, tiles={"size_px": 640}, **options)
    run(other, tmp_path / "other")
    theirs, ours = Patches(tmp_path / "other"), places(found)
    common = set(places(theirs)) & set(ours)
    assert len(common) > 0.8 * len(ours)
    values = dict(zip(ours, found.sharpness))
    assert all(values[place] == value for place, value in zip(places(theirs), theirs.sharpness)
               if place in common)


def test_a_sample_grows(cohort, tmp_path):
    options = {"size_px": 128, "pixels": "npy"}
    run(patches(tmp_path, cohort, sample={"fraction": 0.3}, tiles={"size_px": 512}, **options),
        tmp_path / "run")
    done = status(tmp_path / "run")["tiles_done"]
    whole = patches(tmp_path, cohort, tiles={"size_px": 512}, **options)
    run(whole, tmp_path / "run")
    assert status(tmp_path / "run")["tiles_resumed"] == done > 0
    run(whole, tmp_path / "fresh")
    assert differences(tmp_path / "run", tmp_path / "fresh") == ""
    fresh = arrays(tmp_path / "fresh")
    assert fresh.keys() == arrays(tmp_path / "run").keys()
    for name, array in arrays(tmp_path / "run").items():
        assert (array == fresh[name]).all()


@pytest.mark.parametrize("pixels, suffix", [("png", "png"), ("jpeg", "jpg")])
def test_image_files(cohort, tmp_path, pixels, suffix):
    config = patches(tmp_path, cohort[:1], size_px=256, pixels=pixels)
    run(config, tmp_path / "run")
    found = Patches(tmp_path / "run")
    files = {path.name: path for path in (tmp_path / "run/patches").glob(f"*/*.{suffix}")}
    assert set(files) == {f"{x}_{y}.{suffix}" for x, y in zip(found.x, found.y)}
    with openslide.OpenSlide(str(cohort[0])) as slide:
        for x, y in list(zip(found.x, found.y))[::5]:
            wanted = region(slide, x, y, 0, 256).astype(int)
            got = numpy.array(Image.open(files[f"{x}_{y}.{suffix}"]).convert("RGB")).astype(int)
            if suffix == "png":
                assert (got == wanted).all()
            else:
                assert abs(got - wanted).mean() < 4


def test_resampled_patches(cohort, tmp_path):
    """At another mpp, cut out of a tile or read by themselves."""
    for name, single in (("strip", False), ("single", True)):
        run(patches(tmp_path, cohort[:1], tiles={"size_px": 512, "mpp": 0.6}, size_px=96,
                    stride_px=64, pixels="results", one_by_one=single), tmp_path / name)
    strip, single = Patches(tmp_path / "strip"), Patches(tmp_path / "single")
    assert len(strip.x) > 10 and places(strip) == places(single)
    assert (strip.pixels == single.pixels).all()


def test_raw_pixels_that_are_lost_are_told(cohort, tmp_path):
    config = patches(tmp_path, cohort[:1], size_px=256, pixels="npy")
    run(config, tmp_path / "run")
    (tmp_path / "run/results.h5").unlink()
    shutil.rmtree(tmp_path / "run/patches/.raw")
    done = run(config, tmp_path / "run", code=74)
    assert "--fresh" in done.stderr


def test_what_cannot_be(cohort, tmp_path):
    done = run(patches(tmp_path, cohort[:1], tiles={"mpp": 0.5}, level=1), tmp_path / "run", code=78)
    assert "/patches/level" in done.stderr
    done = run(patches(tmp_path, cohort[:1], level=40), tmp_path / "run", code=3)
    assert "level 40" in ledger(tmp_path / "run")[cohort[0].stem]["reason"]


REAL = ["aperio/CMU-1-Small-Region.svs", "aperio/TCGA-CR-7395-01A-01-TS1.svs",
        "generic-tiff/CMU-1-Small-Region.webp.tiff", "hamamatsu/test3-DAPI-2-387.ndpi",
        "derived/OS-2-ndpi.tif", "derived/pen-green.tif", "derived/two-pieces.tif"]


@needs_data
@pytest.mark.parametrize("name", REAL)
def test_real_slides_are_what_openslide_reads(tmp_path, name):
    path = DATA / "slides" / name
    with openslide.OpenSlide(str(path)) as slide:
        for level in range(min(slide.level_count, 4)):
            size = 64 if level else 256
            if min(slide.level_dimensions[level]) < size:
                continue
            config = patches(tmp_path, [path], tiles={"size_px": 512}, size_px=size, level=level,
                             stride_px=size - 16, pad=True, pixels="results", min_tissue=0)
            done = run(config, tmp_path / f"run{level}", "--set", "/tissue/min_fraction=0", code=None)
            if done.returncode == 3:  # libtiff misreads levels that are less than one of their tiles
                (line,) = ledger(tmp_path / f"run{level}").values()
                assert "patches.level" in line["reason"]
                assert min(slide.level_dimensions[level]) < 256
                continue
            assert done.returncode == 0, done.stderr
            found = Patches(tmp_path / f"run{level}")
            assert len(found.x) > 1
            for i in range(len(found.x)):
                wanted = region(slide, found.x[i], found.y[i], level, size).astype(int)
                off = abs(found.pixels[i] - wanted).max(-1)
                # Where OpenSlide blends a level's edge, openslide-python's straight alpha has lost
                # what the library's own premultiplied one still holds.
                alpha = numpy.array(slide.read_region((int(found.x[i]), int(found.y[i])), level,
                                                      (size, size)))[..., 3]
                assert not off[(alpha == 0) | (alpha == 255)].any(), (level, found.x[i], found.y[i])
                assert off.max() <= 1


def test_exports_of_patches(cohort, tmp_path):
    """Places for CLAM and TRIDENT, arrays from what was kept in results.h5."""
    config = patches(tmp_path, cohort[:1], size_px=64, stride_px=48, level=1, pixels="results")
    run(config, tmp_path / "run")
    found = Patches(tmp_path / "run")
    corners = numpy.stack([found.x, found.y], axis=1)
    done = tilepool("export", tmp_path / "run", "--format", "clam,trident,npy", "--out",
                    tmp_path / "out")
    assert done.returncode == 0, done.stderr
    with openslide.OpenSlide(str(cohort[0])) as slide:
        downsample, size = slide.level_downsamples[1], slide.level_dimensions[1]
    with h5py.File(tmp_path / f"out/{cohort[0].stem}.h5") as file:
        coords = file["coords"]
        assert (coords[:] == corners).all()
        assert (coords.attrs["patch_size"], coords.attrs["patch_level"]) == (64, 1)
        assert tuple(coords.attrs["level_dim"]) == size
        assert tuple(coords.attrs["downsample"]) == (downsample, downsample)
    with h5py.File(tmp_path / f"out/{cohort[0].stem}_patches.h5") as file:
        coords = file["coords"]
        assert (coords[:] == corners).all()
        assert coords.attrs["patch_size"] == 64 and coords.attrs["overlap"] == 16
        assert coords.attrs["patch_size_level0"] == 64 * downsample
        assert coords.attrs["target_magnification"] * downsample == \
            coords.attrs["level0_magnification"]
    assert (numpy.load(tmp_path / f"out/{cohort[0].stem}.npy") == found.pixels).all()
    run(patches(tmp_path, cohort[:1], size_px=64), tmp_path / "places")
    done = tilepool("export", tmp_path / "places", "--format", "npy", "--out", tmp_path / "none")
    assert done.returncode == 66 and "patches.pixels" in done.stderr


def test_a_run_that_was_stopped_goes_on(cohort, tmp_path):
    """Stopped by a signal, then again with other ranks: the arrays of one that was not."""
    config = patches(tmp_path, cohort, tiles={"size_px": 256}, size_px=96, stride_px=40, pixels="npy",
                     min_tissue=0)
    run(config, tmp_path / "whole")
    running = subprocess.Popen(command(config, tmp_path / "run"), env=ENVIRONMENT,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "run").glob("patches/.raw/*.npy")):
        assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=60) in (75, 0)
    run(config, tmp_path / "run", ranks=3)
    assert differences(tmp_path / "run", tmp_path / "whole") == ""
    whole = arrays(tmp_path / "whole")
    for name, array in arrays(tmp_path / "run").items():
        assert (array == whole[name]).all()
