"""Masks of annotated regions against shapely, scikit-image and the third party's masks of MoNuSeg."""
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

shapely = pytest.importorskip("shapely")
draw = pytest.importorskip("skimage.draw")
io = pytest.importorskip("skimage.io")
from shapely import prepared  # noqa: E402
from shapely.geometry import Point, Polygon  # noqa: E402

DRIVER = os.environ["TILEPOOL_ANNOTATION_DRIVER"]
SOURCE = Path(os.environ["TILEPOOL_SOURCE_DIR"])
DATA = Path(os.environ.get("TILEPOOL_TEST_DATA", SOURCE.parent / "shared" / "data"))
MONUSEG = sorted((DATA / "segmentation/monuseg").glob("*.xml"))


def mask_of(file, width, height, scale=1.0, rows=64):
    done = subprocess.run([DRIVER, file, *map(str, (width, height, scale, rows))],
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width).astype(bool)


def geojson(path, rings):
    closed = [[*map(list, ring), list(ring[0])] for ring in rings]
    path.write_text(json.dumps({"type": "Feature", "properties": {"name": "r"}, "geometry":
                                {"type": "Polygon", "coordinates": closed}}))
    return path


def wobbly(random, centre, radius, n):
    """A simple polygon: a circle whose radius wobbles."""
    angles = np.sort(random.uniform(0, 2 * np.pi, n))
    radii = radius * random.uniform(0.4, 1, n)
    return np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1.0, 3.7])
def test_centres_inside_as_shapely_has_them(tmp_path, seed, scale):
    random = np.random.default_rng(seed)
    outer = wobbly(random, (60, 50), 48, 40)
    holes = [wobbly(random, (60, 50), 12, 9)]
    # vertices are rounded to 1/256 of a pixel, so the oracle gets them rounded, too
    snap = scale / 256
    outer, *holes = [np.round(ring / snap) * snap for ring in (outer, *holes)]
    width, height = int(120 / scale), int(100 / scale)
    found = mask_of(geojson(tmp_path / "a.json", [outer, *holes]), width, height, scale, rows=7)
    polygon = prepared.prep(Polygon(outer).difference(Polygon(holes[0])))
    expected = np.array([[polygon.contains(Point((x + 0.5) * scale, (y + 0.5) * scale))
                          for x in range(width)] for y in range(height)])
    edge = Polygon(outer).boundary.union(Polygon(holes[0]).boundary)
    for y, x in np.argwhere(found != expected):  # only centres that lie on an edge may differ
        assert edge.distance(Point((x + 0.5) * scale, (y + 0.5) * scale)) < 1e-6
    assert expected.sum() > 300 / scale**2


@pytest.mark.parametrize("seed", range(4))
def test_the_same_as_scikit_image(tmp_path, seed):
    random = np.random.default_rng(seed)
    ring = np.round(wobbly(random, (100, 90), 80, 60) * 256) / 256
    found = mask_of(geojson(tmp_path / "a.json", [ring]), 200, 180)
    expected = np.zeros((180, 200), bool)
    rows, columns = draw.polygon(ring[:, 1] - 0.5, ring[:, 0] - 0.5, expected.shape)
    expected[rows, columns] = True
    assert (found != expected).sum() <= 2  # centres on an edge


@pytest.mark.parametrize("seed", range(4))
def test_outlines_from_pixel_to_pixel_hold_their_pixels_as_in_scikit_image(tmp_path, seed):
    ring = np.round(wobbly(np.random.default_rng(seed), (100, 90), 80, 24)).astype(int)
    file = tmp_path / "camelyon.json"
    file.write_text(json.dumps({"positive": [{"name": "a", "vertices": ring.tolist()}]}))
    expected = np.zeros((180, 200), bool)
    expected[draw.polygon(ring[:, 1], ring[:, 0], expected.shape)] = True
    assert Polygon(ring).is_valid
    found = mask_of(file, 200, 180, rows=13)
    assert (found == expected).all()


def test_boxes_are_exact(tmp_path):
    box = [(3, 4), (17, 4), (17, 11), (3, 11)]
    found = mask_of(geojson(tmp_path / "a.json", [box]), 20, 15)
    expected = np.zeros((15, 20), bool)
    expected[4:11, 3:17] = True
    assert (found == expected).all()


@pytest.mark.skipif(not MONUSEG, reason=f"no MoNuSeg in {DATA}")
@pytest.mark.parametrize("file", MONUSEG, ids=lambda f: f.stem)
def test_nuclei_of_monuseg_as_a_third_party_drew_them(file):
    truth = io.imread(file.with_name(file.stem + "_mask.png")) > 0
    if truth.ndim == 3:
        truth = truth[..., 0]
    found = mask_of(file, truth.shape[1], truth.shape[0])
    overlap = (found & truth).sum() / (found | truth).sum()
    print(f"{file.stem}: IoU {overlap:.5f}")
    assert overlap >= 0.99
