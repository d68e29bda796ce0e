"""The kernels against scipy and scikit-image, on random and on real arrays.

Needs TILEPOOL_BIN_DIR (where kernels_driver and cells_driver are); real images come from
TILEPOOL_TEST_DATA (default: ../shared/data beside the source).
"""
import json
import os
import pathlib
import subprocess

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("skimage")
pytest.importorskip("scipy")
from scipy import ndimage
from skimage import color, draw, filters, io, measure, morphology

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TILEPOOL_BIN_DIR", ROOT / "build/dev/bin"))
DATA = pathlib.Path(os.environ.get("TILEPOOL_TEST_DATA", ROOT.parent / "shared/data"))
SIZES = [(1, 1), (1, 33), (31, 32), (32, 31), (33, 1), (255, 64), (256, 257)]
RNG = np.random.default_rng(7)

if not (BIN / "kernels_driver").exists():
    pytest.skip(f"no kernels_driver in {BIN}; set TILEPOOL_BIN_DIR", allow_module_level=True)


def kernel(name, shape, arrays, *numbers, dtype=None):
    height, width = shape
    done = subprocess.run(
        [BIN / "kernels_driver", name, str(width), str(height), *map(str, numbers)],
        input=b"".join(np.ascontiguousarray(a).tobytes() for a in arrays), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode() if dtype is None else np.frombuffer(done.stdout, dtype).reshape(shape)


def random_mask(shape, share=0.5, blur=0.0):
    noise = ndimage.gaussian_filter(RNG.random(shape), blur) if blur else RNG.random(shape)
    return (noise < np.quantile(noise, share)).astype(np.uint8)


def disk(radius):
    r = int(radius)
    y, x = np.mgrid[-r:r + 1, -r:r + 1]
    return x * x + y * y <= radius * radius + 1e-9


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("radius", [0, 1, 1.5, 4, 7.3])
def test_morphology_is_scipys(shape, radius):
    for share in (0.2, 0.9):
        mask = random_mask(shape, share, blur=1.0)
        erosion = ndimage.binary_erosion(mask, disk(radius), border_value=1)
        assert (kernel("erode", shape, [mask], radius, dtype=np.uint8) == erosion).all()
        dilation = ndimage.binary_dilation(mask, disk(radius))
        assert (kernel("dilate", shape, [mask], radius, dtype=np.uint8) == dilation).all()
        opened = ndimage.binary_dilation(erosion, disk(radius))
        assert (kernel("open", shape, [mask], radius, dtype=np.uint8) == opened).all()


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("connectivity", [4, 8])
def test_components_are_skimages(shape, connectivity):
    for share in (0.0, 0.3, 0.6, 1.0):
        mask = random_mask(shape, share) if share > 0 else np.zeros(shape, np.uint8)
        expected = measure.label(mask, connectivity=1 if connectivity == 4 else 2)
        assert (kernel("components", shape, [mask], connectivity, dtype=np.int32) == expected).all()


@pytest.mark.parametrize("shape", SIZES)
def test_distance_is_scipys(shape):
    for share in (0.3, 0.9, 0.999):
        mask = random_mask(shape, share)
        if mask.all():
            continue
        expected = np.rint(ndimage.distance_transform_edt(mask) ** 2).astype(np.int32)
        assert (kernel("distance", shape, [mask], dtype=np.int32) == expected).all()
        sixteenths = np.minimum(np.floor(np.sqrt(256.0 * expected)), 4095)
        assert (kernel("sixteenths", shape, [mask], dtype=np.uint16) == sixteenths).all()


def test_distance_without_a_zero_is_far():
    assert (kernel("distance", (5, 9), [np.ones((5, 9), np.uint8)], dtype=np.int32) == 1 << 30).all()


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("sigma", [0.0, 0.8, 2.0])
def test_gaussian_is_within_a_thousandth_of_scipys(shape, sigma):
    plane = RNG.integers(0, 4096, shape).astype(np.uint16)
    expected = plane if sigma == 0 else ndimage.gaussian_filter(
        plane.astype(float), sigma, mode="nearest", radius=None, truncate=np.ceil(3 * sigma) / sigma)
    got = kernel("gaussian", shape, [plane], sigma, dtype=np.uint16)
    assert np.abs(got - expected).max() <= (0 if sigma == 0 else 4)
    flat = np.full(shape, 4095, np.uint16)
    assert (kernel("gaussian", shape, [flat], sigma, dtype=np.uint16) == 4095).all()


def test_otsu_is_skimages():
    for _ in range(20):
        low, high = sorted(RNG.integers(20, 230, 2))
        plane = np.clip(np.concatenate([RNG.normal(low, 15, 700), RNG.normal(high + 20, 10, 300)]),
                        0, 255).astype(np.uint8).reshape(20, 50)
        assert int(kernel("otsu", plane.shape, [plane.astype(np.uint16)])) == \
            filters.threshold_otsu(plane)


@pytest.mark.parametrize("shape", SIZES)
def test_holes(shape):
    for bound in (0, 1, 9, 10000):
        mask = random_mask(shape, 0.7, blur=0.7)
        pieces = measure.label(mask == 0, connectivity=1)
        expected = mask.copy()
        edge = set(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
        for piece in range(1, pieces.max() + 1):
            if piece not in edge and (pieces == piece).sum() <= bound:
                expected[pieces == piece] = 1
        assert (kernel("holes", shape, [mask], bound, dtype=np.uint8) == expected).all()


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("radius", [0, 3, 40])
def test_local_threshold_is_the_formula(shape, radius):
    plane = RNG.integers(0, 4096, shape).astype(np.uint16)
    counted = random_mask(shape, 0.7)
    glob, weight = 1700, 200

    def box(values):
        padded = np.zeros((shape[0] + 1, shape[1] + 1), np.int64)
        padded[1:, 1:] = values.astype(np.int64).cumsum(0).cumsum(1)
        y, x = np.arange(shape[0]), np.arange(shape[1])
        top, bottom = np.maximum(y - radius, 0), np.minimum(y + radius + 1, shape[0])
        left, right = np.maximum(x - radius, 0), np.minimum(x + radius + 1, shape[1])
        return (padded[bottom][:, right] - padded[top][:, right] - padded[bottom][:, left] +
                padded[top][:, left])

    total, n = box(plane * counted.astype(np.int64)), box(counted)
    expected = (counted > 0) & (256 * plane.astype(np.int64) * n > (256 - weight) * glob * n +
                                weight * total)
    got = kernel("threshold", shape, [plane, counted], glob, weight, radius, dtype=np.uint8)
    assert (got == expected).all()


def slow_watershed(mask, height, depth, fill_depth, fill):
    """The definition in kernels/watershed.h, word for word."""
    rows, columns = mask.shape
    key = {(y, x): (int(height[y, x]), -(y * columns + x)) for y, x in zip(*np.nonzero(mask))}

    def around(p):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                q = (p[0] + dy, p[1] + dx)
                if q != p and q in key:
                    yield q

    up = {p: max([p, *around(p)], key=key.get) for p in key}
    for p in sorted(key, key=key.get, reverse=True):
        up[p] = p if up[p] == p else up[up[p]]
    basins = {}
    for p, peak in up.items():
        basins.setdefault(peak, []).append(p)
    owner = {peak: peak for peak in basins}

    def find(p):
        p = up[p]
        while owner[p] != p:
            p = owner[p]
        return p

    def filled(points):
        a = np.array(points, float)
        m = np.cov(a.T, bias=True) + np.eye(2) / 12 if len(a) > 1 else np.eye(2) / 12
        return len(a) / (4 * np.pi * np.sqrt(np.linalg.det(m)))

    for p in sorted(key, key=key.get, reverse=True):
        for q in around(p):
            if key[q] < key[p]:
                continue
            a, b = sorted((find(p), find(q)), key=key.get, reverse=True)
            if a == b:
                continue
            drop = key[b][0] - key[p][0]
            if drop < depth or \
                    (drop < fill_depth and filled(basins[a] + basins[b]) >= fill):
                basins[a] += basins[b]
                owner[b] = a
    labels, numbers = np.zeros(mask.shape, np.int32), {}
    for y, x in sorted(key):
        labels[y, x] = numbers.setdefault(find((y, x)), len(numbers) + 1)
    return labels


@pytest.mark.parametrize("shape", [(1, 1), (1, 33), (31, 32), (33, 40), (64, 65)])
@pytest.mark.parametrize("depth,fill_depth,fill", [(0, 0, 1), (30, 0, 1), (30, 9999, 0.93), (30, 90, 0.8)])
def test_watershed_is_its_definition(shape, depth, fill_depth, fill):
    mask = random_mask(shape, 0.6, blur=1.5)
    height = ndimage.gaussian_filter(RNG.random(shape), 1.5) * 4000
    height = height.astype(np.uint16) // 8 * 8  # plateaus
    got = kernel("watershed", shape, [mask, height], depth, fill_depth, fill, dtype=np.int32)
    assert (got == slow_watershed(mask, height, depth, fill_depth, fill)).all()


def test_watershed_with_no_merging_has_skimages_basins_of_distinct_maxima():
    height = ndimage.gaussian_filter(RNG.random((120, 120)), 4)
    order = np.argsort(np.argsort(height.ravel())).reshape(height.shape)  # all values distinct
    quantised = (order // 4).astype(np.uint16)
    mask = np.ones((120, 120), np.uint8)
    got = kernel("watershed", mask.shape, [mask, quantised], 1, 0, 1, dtype=np.int32)
    peaks = morphology.local_maxima(quantised.astype(np.int32), connectivity=2)
    assert got.max() == measure.label(peaks, connectivity=2).max()


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("radius", [1, 2.5])
def test_labels_are_opened_one_by_one(shape, radius):
    seeds = RNG.integers(0, 4, shape)
    labels = ndimage.median_filter(seeds, 7).astype(np.int32)
    expected = np.zeros(shape, np.int32)
    for label in range(1, labels.max() + 1):
        kept = ndimage.binary_erosion(labels == label, disk(radius), border_value=1)
        expected[ndimage.binary_dilation(kept, disk(radius))] = label
    assert (kernel("open_labels", shape, [labels], radius, dtype=np.int32) == expected).all()


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("radius", [0, 1, 2.5])
def test_labels_grow_to_the_nearest(shape, radius):
    labels = (RNG.integers(1, 9, shape) * (RNG.random(shape) < 0.05)).astype(np.int32)
    expected = labels.copy()
    points = np.argwhere(labels)
    for y, x in np.argwhere(labels == 0):
        if len(points):
            square = ((points - (y, x)) ** 2).sum(1)
            near = square <= radius * radius + 1e-9
            if near.any():
                at = square == square[near].min()
                expected[y, x] = labels[tuple(points[at].T)].min()
    assert (kernel("grow_labels", shape, [labels], radius, dtype=np.int32) == expected).all()


@pytest.mark.parametrize("blur,count", [(2.0, 40), (4.0, 10)])
def test_shapes_are_regionprops(blur, count):
    labels = measure.label(random_mask((257, 255), 0.45, blur), connectivity=2).astype(np.int32)
    assert labels.max() >= count
    rows = kernel("shapes", labels.shape, [labels], labels.max()).strip().split("\n")
    got = np.array([[float(v) for v in row.split()] for row in rows])
    hull_differs = 0
    for region, row in zip(measure.regionprops(labels), got):
        expected = [region.area, region.centroid[1], region.centroid[0], region.perimeter,
                    region.area / region.solidity, region.eccentricity, region.major_axis_length,
                    region.minor_axis_length, region.extent, region.equivalent_diameter]
        exact = [0, 1, 2, 3, 6, 8, 9]
        np.testing.assert_allclose(row[exact], np.array(expected)[exact], rtol=1e-9, atol=1e-9)
        # skimage takes eigenvalues of a nearly singular matrix here
        np.testing.assert_allclose(row[[5, 7]], np.array(expected)[[5, 7]], rtol=1e-5, atol=1e-5)
        hull_differs += abs(row[4] - expected[4]) > 0.5
        assert abs(row[4] - expected[4]) <= 1 + 0.01 * expected[4]
    assert hull_differs <= 0.02 * len(got)


def test_stain_separation_is_the_pseudo_inverse():
    rgb = RNG.integers(0, 256, (33, 65, 3)).astype(np.uint8)
    he = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
    he /= np.linalg.norm(he, axis=1, keepdims=True)
    density = np.log10(256 / (rgb.astype(float) + 1))
    expected = np.clip(density @ np.linalg.pinv(he.T)[0] / 0.9 * 2048, 0, 4095)
    got = kernel("stain", rgb.shape[:2], [rgb], *he[0], *he[1], 0.9, dtype=np.uint16)
    assert np.abs(got - expected).max() <= 1


def test_colour_statistics_are_skimages():
    rgb = RNG.integers(0, 256, (64, 65, 3)).astype(np.uint8)
    rgb[:10] = rgb[:10, :, :1]  # greys
    hsv, grey = color.rgb2hsv(rgb), 255 * color.rgb2gray(rgb)
    planes = [rgb[..., 0], rgb[..., 1], rgb[..., 2], grey, hsv[..., 0], hsv[..., 1], hsv[..., 2]]
    got = np.array(kernel("colour", rgb.shape[:2], [rgb]).split(), float).reshape(-1, 2)
    expected = [(p.mean(), p.std()) for p in planes]
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-4)


# The whole task on real images.

COLUMNS = ("area_um2 perimeter_um circularity solidity eccentricity major_axis_um minor_axis_um "
           "extent equivalent_diameter_um mean_r std_r mean_g std_g mean_b std_b mean_grey std_grey "
           "mean_h std_h mean_s std_s mean_v std_v mean_stain1 std_stain1 mean_stain2 std_stain2 "
           "relative_brightness dark_fraction").split()
MPP = 0.25


def field(name):
    path = DATA / "segmentation/monuseg" / f"{name}.tif"
    if not path.exists():
        pytest.skip(f"no {path}")
    return np.ascontiguousarray(io.imread(path)[..., :3])


def segment(rgb, folder, *options):
    (folder / "in.rgb").write_bytes(rgb.tobytes())
    done = subprocess.run(
        [BIN / "cells_driver", folder, str(MPP), *options, "--", folder / "in.rgb",
         str(rgb.shape[1]), str(rgb.shape[0])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cells = np.fromfile(folder / "0.cells").reshape(-1, 4 + len(COLUMNS))
    points = np.fromfile(folder / "0.contours", np.float32).reshape(-1, 2).astype(float)
    rings = np.split(points, np.cumsum(cells[:, 3]).astype(int))[:-1]
    return cells, rings, json.loads(done.stdout)


def test_contours_and_features_agree_with_regionprops(tmp_path):
    rgb = field("TCGA-IZ-8196-01A-01-BS1")
    cells, rings, about = segment(rgb, tmp_path)
    assert about["peak_bytes"] <= about["scratch_bytes"]
    assert len(cells) > 300
    assert (np.lexsort((cells[:, 0], cells[:, 1])) == np.arange(len(cells))).all()
    grey = 255 * color.rgb2gray(rgb)
    hsv = color.rgb2hsv(rgb)
    with_hole = 0
    for row, ring in zip(cells, rings):
        f = dict(zip(COLUMNS, row[4:]))
        mask = np.zeros(rgb.shape[:2], bool)
        mask[draw.polygon(ring[:, 1] - 0.5, ring[:, 0] - 0.5, mask.shape)] = True
        area = round(f["area_um2"] / MPP**2)
        if mask.sum() != area:  # a hole too large to fill
            with_hole += 1
            continue
        nxt = np.roll(ring, -1, 0)
        shoelace = (ring[:, 0] * nxt[:, 1] - nxt[:, 0] * ring[:, 1]).sum() / 2
        assert shoelace == pytest.approx(area - 0.5)  # positive: clockwise with y down
        region = measure.regionprops(mask.astype(np.uint8))[0]
        assert row[0] == pytest.approx(region.centroid[1] + 0.5, abs=1e-4)
        assert row[1] == pytest.approx(region.centroid[0] + 0.5, abs=1e-4)
        expected = {
            "perimeter_um": region.perimeter * MPP,
            "circularity": 4 * np.pi * area / region.perimeter**2,
            "eccentricity": region.eccentricity,
            "major_axis_um": region.major_axis_length * MPP,
            "minor_axis_um": region.minor_axis_length * MPP,
            "extent": region.extent,
            "equivalent_diameter_um": region.equivalent_diameter * MPP,
            "mean_r": rgb[mask][:, 0].mean(), "std_r": rgb[mask][:, 0].std(),
            "mean_grey": grey[mask].mean(), "std_grey": grey[mask].std(),
            "mean_s": hsv[mask][:, 1].mean(), "mean_v": hsv[mask][:, 2].mean(),
            "dark_fraction": (np.log10(256 / (grey[mask] + 1)) > 0.6).mean(),
        }
        for name, value in expected.items():
            slack = 1.5 / area if name == "dark_fraction" else 1e-3  # a pixel at the limit
            assert f[name] == pytest.approx(value, rel=1e-3, abs=slack), name
        assert f["solidity"] == pytest.approx(region.solidity, rel=0.01)
    assert with_hole <= 0.02 * len(cells)


def test_a_cell_does_not_depend_on_its_tile(tmp_path):
    rgb = field("TCGA-2Z-A9J9-01A-01-TS1")
    whole = segment(rgb, tmp_path, "tile=1000")
    for tile in (512, 300):
        tiled = segment(rgb, tmp_path, f"tile={tile}")
        key = lambda result: {(x, y, n, tuple(f)) for x, y, _, n, *f in result[0].tolist()}
        a, b = key(whole), key(tiled)
        assert len(tiled[0]) == len(b), "a cell was found twice"
        assert len(a ^ b) <= 0.005 * len(a), f"{len(a ^ b)} of {len(a)} cells differ, tile {tile}"


def test_blank_and_single_stain_fields_give_no_nan(tmp_path):
    for rgb in (np.full((200, 200, 3), 243, np.uint8),
                np.full((200, 200, 3), (180, 90, 160), np.uint8),
                np.zeros((200, 200, 3), np.uint8)):
        for kind in (0, 1):
            cells, _, about = segment(rgb, tmp_path, f"fluorescence={kind}")
            assert np.isfinite(cells).all()
            assert all(np.isfinite(v) for v in about.values() if isinstance(v, float))
            if kind == 0:
                assert about["note"].startswith("fallback to Ruifrok H&E")
