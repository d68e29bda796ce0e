"""Pixels as openslide-python gives them: tilepool's source against OpenSlide read from Python.

usage: slide_oracle_test.py SCAN_DRIVER DEFAULT_DATA_DIR     (exit 77: skipped)
"""
import json
import os
import pathlib
import random
import subprocess
import sys

try:
    import numpy as np
    import openslide
    from openslide import lowlevel
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

DRIVER = sys.argv[1]
DATA = pathlib.Path(os.environ.get("TILEPOOL_TEST_DATA", sys.argv[2]))
SLIDES = [
    "aperio/A9K0_1.svs", "aperio/A9K0_3.svs", "aperio/CMU-1-Small-Region.svs",
    "aperio/TCGA-CR-7395-01A-01-TS1.svs", "derived/OS-1-detail.tif", "derived/OS-2-ndpi.tif",
    "derived/blank.tif", "derived/composite-monuseg-6.tif", "derived/kidney-48-5-ihc.tif",
    "derived/pen-green.tif", "derived/two-pieces.tif", "edge/boxes.tiff",
    "generic-tiff/CMU-1-Small-Region.jpeg.tiff", "generic-tiff/CMU-1-Small-Region.webp.tiff",
    "generic-tiff/karolinska-mask.tif", "generic-tiff/prostate_patch_rgba.tif",
    "hamamatsu/test3-DAPI-2-387.ndpi", "mirax/Mirax2-Fluorescence-2.mrxs",
]
UNREADABLE_LEVELS = {"mirax/Mirax2-Fluorescence-2.mrxs": {0, 1}}
MPP = {
    "aperio/CMU-1-Small-Region.svs": (0.499, "openslide"),
    "derived/composite-monuseg-6.tif": (0.25, "tiff-resolution"),
    "derived/OS-2-ndpi.tif": (10000 / 44034, "tiff-resolution"),
    "generic-tiff/CMU-1-Small-Region.jpeg.tiff": (None, "mpp 0.00499 um/px from tiff.XRes"),
    "derived/two-pieces.tif": (None, "mpp 264.6 um/px from tiff.XResolution is implausible"),
    "edge/boxes.tiff": (None, "mpp 352.8 um/px"),
    "aperio/TCGA-CR-7395-01A-01-TS1.svs": (None, "does not tell its mpp"),
    "derived/blank.tif": (None, "does not tell its mpp"),
    "hamamatsu/test3-DAPI-2-387.ndpi": (0.22817505590288870, "openslide"),
}
REASONS = {
    "derived/CMU-1-truncated-70pct.svs": "cut short",
    "derived/CMU-1-truncated-half.svs": "cut short",
    "derived/empty.svs": "empty (0 bytes)",
    "edge/histolab_broken.svs": "not a file that OpenSlide can recognize",
    "edge/lfs_pointer.tiff": "git-LFS pointer",
    "edge/panimg_Mirax2-Fluorescence-1": "is a folder",
    "edge/panimg_Mirax2-Fluorescence-1.mrxs": "Index.dat doesn't have expected version",
    "edge/striped_half_mpp.tiff": "in strips, not tiles",
    "edge/unopenable.tiff": "Unsupported TIFF compression: 52479",
    "no-such-slide.svs": "No such file",
}


def white_rgb(slide, level, x0, y0, w, h):
    """OpenSlide's premultiplied ARGB over white."""
    image = np.zeros((h, w), np.uint32)
    lowlevel._read_region(slide._osr, image.ctypes.data_as(lowlevel.POINTER(lowlevel.c_uint32)),
                          x0, y0, level, w, h)
    channels = [(image >> shift) & 255 for shift in (16, 8, 0)]
    return np.minimum(np.stack(channels, -1) + (255 - (image >> 24))[..., None], 255).astype(np.uint8)


def ours(path, regions):
    lines = "".join("%d %d %d %d %d\n" % r for r in regions)
    out = subprocess.run([DRIVER, "read", str(path)], input=lines.encode(), capture_output=True)
    assert out.returncode == 0, out.stderr.decode()
    images, at = [], 0
    for _, _, _, w, h in regions:
        images.append(np.frombuffer(out.stdout, np.uint8, 3 * w * h, at).reshape(h, w, 3))
        at += 3 * w * h
    assert at == len(out.stdout)
    return images


def random_regions(level, width, height, rng, n=12):
    regions = []
    for _ in range(n):
        w, h = rng.randint(1, 1300), rng.randint(1, 700)
        regions.append((level, rng.randint(-w - 10, width + 10), rng.randint(-h - 10, height + 10), w, h))
    return regions


def check_exact_level(slide, path, level, rng):
    downsample = int(slide.level_downsamples[level])
    regions = random_regions(level, *slide.level_dimensions[level], rng)
    for (_, x, y, w, h), mine in zip(regions, ours(path, regions)):
        theirs = white_rgb(slide, level, x * downsample, y * downsample, w, h)
        assert np.array_equal(mine, theirs), (path, level, x, y, w, h)
    return len(regions)


def check_inexact_level(slide, path, level, rng):
    """One value a pixel, whatever region it is read with; equal to the level read from (0,0) where
    one piece holds it, else apart from it by OpenSlide's interpolation of half a pixel at most."""
    width, height = slide.level_dimensions[level]
    regions = random_regions(level, width, height, rng)
    whole, *parts = ours(path, [(level, 0, 0, width, height)] + regions)
    theirs = white_rgb(slide, level, 0, 0, width, height)
    apart = np.abs(whole.astype(int) - theirs)
    one = apart[:768, :768]  # every lattice has its first piece at least this large
    assert one.max() == 0, (path, level, one.max())
    assert apart.mean() < 3, (path, level, apart.mean())
    for (_, x, y, w, h), mine in zip(regions, parts):
        canvas = np.full((h, w, 3), 255, np.uint8)
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
        if x0 < x1 and y0 < y1:
            canvas[y0 - y:y1 - y, x0 - x:x1 - x] = whole[y0:y1, x0:x1]
        assert np.array_equal(mine, canvas), (path, level, x, y, w, h)
    return len(regions)


def check_info(name, path, slide):
    about = json.loads(subprocess.check_output([DRIVER, "info", str(path)]))
    n = len(about["levels"])
    assert [tuple(level[:2]) for level in about["levels"]] == list(slide.level_dimensions)[:n]
    assert [level[2] for level in about["levels"]] == list(slide.level_downsamples)[:n]
    if n < slide.level_count:  # only levels that are less than one of their tiles are left out
        tile = [int(slide.properties[f"openslide.level[{n}].tile-{axis}"]) for axis in ("width", "height")]
        assert slide.level_dimensions[n][0] < tile[0] or slide.level_dimensions[n][1] < tile[1]
    if name in MPP:
        mpp, text = MPP[name]
        assert about["mpp_x"] == mpp, (name, about)
        assert text in about["mpp_source" if mpp else "mpp_problem"], (name, about)
    assert (about["mpp_x"] is None) == (about["mpp_problem"] != "")
    return about["fingerprint"], n


def main():
    root = DATA / "slides"
    if not root.is_dir():
        print(f"skipped: no {root}")
        sys.exit(77)
    rng, regions, prints = random.Random(7), 0, set()
    for name in SLIDES:
        path = root / name
        slide = openslide.OpenSlide(str(path))
        fingerprint, levels = check_info(name, path, slide)
        prints.add(fingerprint)
        for level, downsample in enumerate(slide.level_downsamples[:levels]):
            if level in UNREADABLE_LEVELS.get(name, ()):
                continue
            check = check_exact_level if downsample == int(downsample) else check_inexact_level
            regions += check(slide, path, level, rng)
    assert len(prints) == len(SLIDES), "two slides have one fingerprint"
    for name, reason in REASONS.items():
        out = subprocess.run([DRIVER, "info", str(root / name)], capture_output=True, text=True)
        assert out.returncode == 3 and reason in out.stderr, (name, out.returncode, out.stderr)
        assert out.stderr.count("\n") == 1, (name, out.stderr)
    print(f"{len(SLIDES)} slides, {regions} regions, {len(REASONS)} refusals: equal")


main()
