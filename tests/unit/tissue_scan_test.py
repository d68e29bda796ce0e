"""Scans of real slides against independent oracles: histolab's masks, scikit-image, numpy.

usage: tissue_scan_test.py SCAN_DRIVER DEFAULT_DATA_DIR     (exit 77: skipped)
"""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import openslide
    from scipy import ndimage
    from skimage import filters
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

DRIVER = sys.argv[1]
DATA = pathlib.Path(os.environ.get("TILEPOOL_TEST_DATA", sys.argv[2]))
GOLDEN = {
    "aperio/CMU-1-Small-Region.svs": "cmu-1-small-region",
    "aperio/TCGA-CR-7395-01A-01-TS1.svs": "tcga-cr-7395",
    "derived/two-pieces.tif": "two-pieces",
    "derived/composite-monuseg-6.tif": "composite-monuseg-6",
}
TILE = 512


class Scan:
    def __init__(self, name, method="otsu", exact=False):
        with tempfile.TemporaryDirectory() as folder:
            prefix = f"{folder}/scan"
            command = [DRIVER, "scan", DATA / "slides" / name, method, str(TILE), prefix]
            out = subprocess.run(command + ["exact"] * exact, capture_output=True, text=True)
            assert out.returncode == 0, (name, out.stderr)
            self.about = json.loads(out.stdout)
            shape = self.about["height"], self.about["width"]
            self.rgb = np.fromfile(prefix + ".rgb", np.uint8).reshape(*shape, 3)
            self.mask = np.fromfile(prefix + ".mask", np.uint8)
            self.variance = np.fromfile(prefix + ".variance", np.uint16)
            plane = self.mask if method != "variance" else self.variance
            assert plane.size == shape[0] * shape[1]
            if method != "variance":
                self.mask = self.mask.reshape(shape)
            self.fraction = np.fromfile(prefix + ".fraction", np.float32).reshape(
                self.about["rows"], self.about["columns"])
        assert self.about["peak_bytes"] <= self.about["bound_bytes"], (name, self.about)
        self.downsample = self.about["downsample"]


def resized(mask, shape):
    rows = ((np.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]).astype(int)
    columns = ((np.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]).astype(int)
    return mask[np.ix_(rows, columns)].astype(bool)


def grey(rgb):
    r, g, b = (rgb[..., i].astype(int) for i in range(3))
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16


def check_golden():
    for name, golden in GOLDEN.items():
        truth = np.load(DATA / f"golden/histolab/tissue-mask-{golden}.npy")
        ours = resized(Scan(name).mask, truth.shape)
        iou = (ours & truth).sum() / (ours | truth).sum()
        print(f"{name}: IoU {iou:.3f} with histolab")
        assert iou >= 0.85, name


def check_image():
    """The scan image of a slide without a pyramid is the box average of its pixels."""
    name = "aperio/CMU-1-Small-Region.svs"
    scan = Scan(name)
    slide = openslide.OpenSlide(str(DATA / "slides" / name))
    full = np.array(slide.read_region((0, 0), 0, slide.dimensions))[..., :3].astype(np.uint64)
    k = int(scan.downsample)
    assert k == scan.downsample > 1
    ys, xs = np.arange(0, full.shape[0], k), np.arange(0, full.shape[1], k)
    sums = np.add.reduceat(np.add.reduceat(full, ys, 0), xs, 1)
    counts = np.outer(np.diff(np.append(ys, full.shape[0])), np.diff(np.append(xs, full.shape[1])))
    n = counts[..., None].astype(np.uint64)
    assert np.array_equal(scan.rgb, (sums + n // 2) // n)


def check_otsu():
    """All that is darker than scikit-image's Otsu and thick enough lies in the mask, and the mask
    reaches no farther than its margin."""
    scan = Scan("derived/composite-monuseg-6.tif")
    dark = grey(scan.rgb) <= filters.threshold_otsu(grey(scan.rgb))
    solid = ndimage.binary_opening(dark, iterations=2)
    assert (scan.mask[solid] == 1).all()
    margin_px = 35 / (0.25 * scan.downsample)
    assert ndimage.distance_transform_edt(~dark)[scan.mask == 1].max() <= margin_px + 1


def check_composite():
    """Every pasted field lies in tiles of the pool, no tile without a field does."""
    scan = Scan("derived/composite-monuseg-6.tif")
    wanted = np.zeros_like(scan.fraction)
    with open(DATA / "slides/derived/composite-monuseg-6.csv") as file:
        fields = [(int(row["x"]), int(row["y"])) for row in csv.DictReader(file)]
    assert len(fields) == 6
    for x, y in fields:
        for row in range(y // TILE, (y + 999) // TILE + 1):
            for column in range(x // TILE, (x + 999) // TILE + 1):
                w = min(x + 1000, (column + 1) * TILE) - max(x, column * TILE)
                h = min(y + 1000, (row + 1) * TILE) - max(y, row * TILE)
                wanted[row, column] += w * h / TILE**2
    assert (scan.fraction[wanted > 0.15] >= 0.15).all()
    assert (scan.fraction >= wanted - 0.02).all()
    around = ndimage.binary_dilation(wanted > 0, np.ones((3, 3)))
    assert (scan.fraction[~around] == 0).all()


def level0_tissue(slide, tile, method, threshold):
    """The rule on the level-0 pixels of a tile, by PIL, numpy and scipy."""
    x, y, w, h = tile
    halo = 3
    left, top = max(0, x - halo), max(0, y - halo)
    right, bottom = min(slide.dimensions[0], x + w + halo), min(slide.dimensions[1], y + h + halo)
    image = slide.read_region((left, top), 0, (right - left, bottom - top)).convert("RGB")
    core = np.s_[y - top:y - top + h, x - left:x - left + w]
    dark = np.asarray(image.convert("L"))[core] <= threshold
    if method == "otsu":
        return dark
    rgb = np.asarray(image).astype(int)
    most, least = rgb.max(2), rgb.min(2)
    saturation = np.where(most == 0, 0, (255 * (most - least) * 2 + most) // (2 * np.maximum(most, 1)))
    coloured = ndimage.median_filter(saturation.astype(np.uint8), 7, mode="nearest")[core] > 8
    return {"hsv": coloured, "otsu+hsv": dark & coloured, "otsu|hsv": dark | coloured}[method]


def check_exact():
    """No tile is decided otherwise than by counting all its level-0 pixels, and the fraction of a
    tile that was judged is that count's."""
    total = differing = equal = 0
    for name, method in [("aperio/CMU-1-Small-Region.svs", "otsu"),
                         ("aperio/CMU-1-Small-Region.svs", "hsv"),
                         ("aperio/CMU-1-Small-Region.svs", "otsu+hsv"),
                         ("aperio/CMU-1-Small-Region.svs", "otsu|hsv"),
                         ("aperio/TCGA-CR-7395-01A-01-TS1.svs", "otsu"),
                         ("derived/composite-monuseg-6.tif", "otsu"),
                         ("derived/two-pieces.tif", "otsu"),
                         ("derived/kidney-48-5-ihc.tif", "otsu")]:
        scan, slide = Scan(name, method, exact=True), openslide.OpenSlide(str(DATA / "slides" / name))
        threshold = filters.threshold_otsu(grey(scan.rgb))
        region_rows, region_columns = scan.mask.shape
        for row, column in np.ndindex(scan.fraction.shape):
            x, y = column * TILE, row * TILE
            w, h = min(TILE, slide.dimensions[0] - x), min(TILE, slide.dimensions[1] - y)
            i = np.minimum((np.arange(y, y + h) + 0.5) / scan.downsample, region_rows - 1).astype(int)
            j = np.minimum((np.arange(x, x + w) + 0.5) / scan.downsample, region_columns - 1).astype(int)
            region = scan.mask[np.ix_(i, j)] == 1
            truth = 0.0
            if region.any():
                truth = (level0_tissue(slide, (x, y, w, h), method, threshold) & region).mean()
            total += 1
            differing += bool((scan.fraction[row, column] >= 0.15) != (truth >= 0.15))
            equal += bool(abs(scan.fraction[row, column] - truth) < 1e-6)
        print(f"{name}, {method}: {scan.about['notes']}")
    print(f"{total} tiles: {differing} decided otherwise, {equal} of equal fraction")
    assert differing == 0 and total > 1000 and equal > total // 4


def check_others():
    for method in ("otsu", "hsv", "otsu+hsv", "otsu|hsv"):
        blank = Scan("derived/blank.tif", method)
        # Its faint shreds have colour, so a saturation threshold sees them: not enough for a pool.
        assert blank.mask.sum() == 0 if method in ("otsu", "otsu+hsv") else blank.fraction.max() < 0.15
        assert Scan("derived/composite-monuseg-6.tif", method).mask.sum() > 6 * 31 * 31, method
    assert Scan("derived/blank-with-line.tif").mask.sum() == 0
    assert 0.001 < Scan("derived/kidney-48-5-ihc.tif").mask.mean() < 0.05
    assert 0.6 < Scan("derived/pen-black-red-green.tif").mask.mean() < 0.9
    assert Scan("derived/pen-green.tif").mask.mean() > 0.95, "no glass on this one"
    damaged = Scan("derived/CMU-1-zeroed-tile.svs")
    assert "cannot be read and count as tissue" in damaged.about["notes"]
    column, row = (int(v / damaged.downsample) for v in (1320, 1560))
    assert damaged.mask[row, column] == 1
    unreadable = subprocess.run([DRIVER, "scan", DATA / "slides/edge/unreadable.svs", "otsu", "512",
                                 "/nowhere/x"], capture_output=True, text=True)
    assert unreadable.returncode == 3 and "Bogus marker length" in unreadable.stderr


def check_set_operations():
    """otsu+hsv and otsu|hsv are cleaned after the masks are joined, so that they bound the others."""
    name = "aperio/CMU-1-Small-Region.svs"
    both, either = Scan(name, "otsu+hsv").mask, Scan(name, "otsu|hsv").mask
    otsu, hsv = Scan(name, "otsu").mask, Scan(name, "hsv").mask
    assert (both <= otsu).all() and (both <= hsv).all()
    assert (either >= otsu).all() and (either >= hsv).all()
    assert both.sum() < otsu.sum() < either.sum()


def check_fluorescence():
    scan = Scan("hamamatsu/test3-DAPI-2-387.ndpi")
    assert scan.about["fluorescence"]
    nuclei = scan.rgb.max(-1) > filters.threshold_otsu(scan.rgb.max(-1))
    assert scan.mask[nuclei].mean() > 0.99
    far = ndimage.distance_transform_edt(~nuclei) > 50
    assert far.any() and scan.mask[far].mean() < 0.1
    mirax = Scan("mirax/Mirax2-Fluorescence-2.mrxs")  # its levels 0 and 1 cannot be read
    print(f"MIRAX without levels 0 and 1: {mirax.about['scan_ms']:.0f} ms")
    ys, xs = np.nonzero((mirax.rgb != 255).any(-1))
    outside = np.ones(mirax.mask.shape, bool)
    outside[ys.min() - 5:ys.max() + 5, xs.min() - 5:xs.max() + 5] = False
    assert mirax.mask[outside].sum() == 0 and mirax.mask[ys, xs].mean() > 0.9


def check_variance():
    scan = Scan("derived/composite-monuseg-6.tif", "variance")
    variance = scan.variance.reshape(scan.rgb.shape[:2])
    values = grey(scan.rgb).astype(float)
    mean = ndimage.uniform_filter(values, 5)
    oracle = ndimage.uniform_filter(values * values, 5) - mean * mean
    inner = (slice(2, -2),) * 2
    assert np.abs(variance[inner] - oracle[inner]).max() <= 1.0
    assert (scan.fraction == 0).all()


def main():
    if not (DATA / "slides").is_dir():
        print(f"skipped: no {DATA / 'slides'}")
        sys.exit(77)
    for check in (check_golden, check_image, check_otsu, check_composite, check_exact, check_others,
                  check_set_operations, check_fluorescence, check_variance):
        check()
        print(f"{check.__name__}: ok")


main()
