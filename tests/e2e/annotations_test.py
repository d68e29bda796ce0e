"""Regions that people drew: read, shown, painted as a label image, and what they do to a run."""
import json
import resource
import signal
import struct
import subprocess
import time
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageDraw
from runs import BINARY, DATA, ENVIRONMENT, ledger, needs_data, results, run, tilepool, write_config

tifffile = pytest.importorskip("tifffile")
openslide = pytest.importorskip("openslide")

MPP = 0.5
EDGE = 2048
ANNOTATIONS = DATA / "annotations"
REFUSED = {"ndpa_malformed.ndpa": "malformed XML at line 8"}


def stained_slide(path, edge=EDGE):
    """A slide of tissue alone: purple noise, so that regions decide what is pooled."""
    random = np.random.default_rng(3)
    image = random.integers(90, 170, (edge, edge, 3)).astype(np.uint8)
    image[..., 1] //= 2
    image[:64] = 245  # some glass
    tifffile.imwrite(path, image, tile=(256, 256), photometric="rgb",
                     resolution=(1e4 / MPP, 1e4 / MPP), resolutionunit="CENTIMETER")
    return path


def geojson(path, **regions):
    """name=[(x, y), ...]; a list of rings has holes."""
    features = []
    for name, rings in regions.items():
        rings = rings if isinstance(rings[0][0], tuple) else [rings]
        features.append({"type": "Feature", "properties": {"classification": {"name": name}},
                         "geometry": {"type": "Polygon",
                                      "coordinates": [[*map(list, r), list(r[0])] for r in rings]}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def box(x0, y0, x1, y1):
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    return stained_slide(tmp_path_factory.mktemp("slides") / "purple.tif")


# ------------------------------------------------------------------ the command

@needs_data
def test_every_real_file_is_read_or_refused_by_name():
    ndpi = DATA / "slides/hamamatsu/test3-DAPI-2-387.ndpi"
    files = [*sorted(ANNOTATIONS.iterdir()), *sorted((DATA / "slides/aperio").glob("*.xml")),
             *sorted((DATA / "segmentation/monuseg").glob("*.xml"))]
    assert len(files) >= 11
    done = tilepool("annotations", *files, "--slide", ndpi, "--json")
    assert done.returncode == 3
    for told in json.loads(done.stdout)["files"]:
        name = Path(told["path"]).name
        if name in REFUSED:
            assert name in told["error"] and REFUSED[name] in told["error"]
        else:
            assert sum(g["regions"] for g in told["groups"]) > 0, told
    counts = {Path(t["path"]).stem: {g["name"]: g["regions"] for g in t.get("groups", [])}
              for t in json.loads(done.stdout)["files"]}
    assert counts["A9K0_1"] == {"Epithelial": 314, "Macrophage": 7}
    assert counts["A9K0_3"] == {"Neutrophil": 5}
    assert counts["TCGA-2Z-A9J9-01A-01-TS1"] == {"Layer 1": 575}


@needs_data
def test_areas_of_a_real_slide_are_those_that_imagescope_wrote():
    done = tilepool("annotations", DATA / "slides/aperio/A9K0_3.xml", "--slide",
                    DATA / "slides/aperio/A9K0_3.svs", "--json")
    group, = json.loads(done.stdout)["files"][0]["groups"]
    text = (DATA / "slides/aperio/A9K0_3.xml").read_text()
    written = sum(float(part.split('"')[1]) for part in text.split(" AreaMicrons=")[1:])
    assert group["area_um2"] == pytest.approx(written, rel=0.02)


def test_what_is_wrong_is_told(tmp_path, slide):
    file = geojson(tmp_path / "a.json", Tumor=box(0, 0, 9, 9))
    (tmp_path / "bad.xml").write_text("<Annotations>")
    for arguments, code, message in [
            ([tmp_path / "none.xml"], 66, "no such file"),
            ([tmp_path / "bad.xml"], 3, "malformed XML"),
            ([], 64, "needs FILE"),
            ([file, "--out", tmp_path / "x.tif"], 64, "--slide"),
            ([file, "--classes", "Tumor=1"], 64, "--out"),
            ([file, "--slide", slide, "--out", tmp_path / "x.tif", "--classes", "Tumor=256"], 64,
             "[1, 255]"),
            ([file, "--slide", slide, "--out", tmp_path / "y.tif", "--classes", "Tumour=1"], 0,
             "no region is called \"Tumour\"; there are Tumor")]:
        done = tilepool("annotations", *arguments)
        assert done.returncode == code and message in done.stderr, (arguments, done.stderr)
    assert not (tmp_path / "x.tif").exists()


def painted(shape, rings, scale=1):
    """The same by Pillow, which takes pixels as points: boxes whose far edge is left out."""
    image = Image.new("L", shape)
    draw = ImageDraw.Draw(image)
    for value, (x0, y0, x1, y1) in rings:
        edge = [int(np.ceil(v / scale - 0.5)) for v in (x0, y0, x1, y1)]
        draw.rectangle([edge[0], edge[1], edge[2] - 1, edge[3] - 1], fill=value)
    return np.array(image)


def test_the_label_image_is_what_was_drawn(tmp_path, slide):
    file = geojson(tmp_path / "a.geojson", Tumor=[box(100, 150, 1400, 1300), box(300, 350, 600, 800)],
                   Stroma=box(1200, 1000, 2048, 2048))
    out = tmp_path / "labels.tif"
    done = tilepool("annotations", file, "--slide", slide, "--out", out, "--classes",
                    "Stroma=40,Tumor=200")
    assert done.returncode == 0, done.stderr
    rings = [(40, (1200, 1000, 2048, 2048)), (200, (100, 150, 1400, 1300)),
             (0, (300, 350, 600, 800))]
    # The hole lies on no stroma, so Pillow may paint it last.
    with tifffile.TiffFile(out) as tiff:
        assert tiff.is_bigtiff
        levels = [page.asarray() for page in tiff.pages]
        tags = tiff.pages[0].tags
        assert tags["TileWidth"].value == 512 and tags["Compression"].value == 8
        numerator, denominator = tags["XResolution"].value
        assert numerator / denominator == pytest.approx(1e4 / MPP)
        assert json.loads(tags["ImageDescription"].value)["values"] == {"Stroma": 40, "Tumor": 200}
    assert [level.shape for level in levels] == [(2048, 2048), (1024, 1024), (512, 512)]
    for k, level in enumerate(levels):
        assert (level == painted(level.shape[::-1], rings, 2**k)).all(), k
    with openslide.OpenSlide(str(out)) as image:
        assert image.dimensions == (EDGE, EDGE) and image.level_count == 3
        for k in range(3):
            pixels = np.array(image.read_region((0, 0), k, image.level_dimensions[k]))[..., 0]
            assert (pixels == levels[k]).all()
    assert np.array(Image.open(out)).max() == 200


@needs_data
def test_nuclei_of_a_real_slide(tmp_path):
    out = tmp_path / "a9k0.tif"
    done = tilepool("annotations", DATA / "slides/aperio/A9K0_1.xml", "--slide",
                    DATA / "slides/aperio/A9K0_1.svs", "--out", out)
    assert done.returncode == 0, done.stderr
    labels = tifffile.imread(out, key=0)
    assert labels.shape == (1153, 1307)
    draw = pytest.importorskip("skimage.draw")
    expected = np.zeros_like(labels)
    layers = ElementTree.parse(DATA / "slides/aperio/A9K0_1.xml").getroot().findall("Annotation")
    for layer in layers:
        value = {"Epithelial": 1, "Macrophage": 2}.get(layer.find("Attributes/Attribute").get("Name"))
        for region in layer.iter("Region"):
            x, y = np.array([[float(v.get("X")), float(v.get("Y"))]
                             for v in region.iter("Vertex")]).T
            expected[draw.polygon(y, x, expected.shape)] = value
    for value in (1, 2):
        a, b = labels == value, expected == value
        assert (a & b).sum() / (a | b).sum() > 0.99


def sparse_slide(path, width, height):
    """A white slide of that size: all its tiles are the same bytes of the file."""
    edge = 512
    white = zlib.compress(b"\xff" * (3 * edge * edge))
    n = -(-width // edge) * -(-height // edge)
    short, long = 3, 4
    tags = [(256, long, [width]), (257, long, [height]), (258, short, [8, 8, 8]), (259, short, [8]),
            (262, short, [2]), (277, short, [3]), (284, short, [1]), (322, short, [edge]),
            (323, short, [edge]), (324, long, [8] * n), (325, long, [len(white)] * n)]
    body = bytearray(struct.pack("<2sHI", b"II", 42, 8 + len(white)) + white)
    entries = struct.pack("<H", len(tags))
    tables = bytearray()
    after = len(body) + 2 + 12 * len(tags) + 4
    for tag, kind, values in tags:
        packed = struct.pack(f"<{len(values)}{'H' if kind == short else 'I'}", *values)
        entries += struct.pack("<HHI", tag, kind, len(values))
        if len(packed) <= 4:
            entries += packed.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", after + len(tables))
            tables += packed
    path.write_bytes(body + entries + struct.pack("<I", 0) + tables)
    return path


def large_outline(width, height, n=20000):
    """A star-shaped outline over the whole slide."""
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False)
    radius = 0.45 + 0.04 * np.sin(37 * angles)
    return [(float(width * (0.5 + r * np.cos(a))), float(height * (0.5 + r * np.sin(a))))
            for r, a in zip(radius, angles)]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    width, height = 100_000, 80_000
    return (sparse_slide(folder / "large.tif", width, height),
            geojson(folder / "large.json", Tumor=large_outline(width, height)))


def test_memory_does_not_grow_with_the_slide(tmp_path, large):
    slide, file = large
    out = tmp_path / "labels.tif"
    done = subprocess.run(["/usr/bin/time", "-f", "%M", BINARY, "annotations", file, "--slide", slide,
                           "--out", out, "--quiet"], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.split()[-1]) < 300 * 1024  # kB
    with tifffile.TiffFile(out) as tiff:
        assert tiff.pages[0].shape == (80_000, 100_000)
        assert max(tiff.pages[-1].shape) < 1024
        small = tiff.pages[-1].asarray()
    inside = small.mean()
    assert inside == pytest.approx(np.pi * (0.45**2 + 0.04**2 / 2), rel=0.01)


def test_a_signal_or_a_full_disk_leave_nothing(tmp_path, large):
    slide, file = large
    job = subprocess.Popen([BINARY, "annotations", file, "--slide", slide, "--out",
                            tmp_path / "labels.tif"], stderr=subprocess.PIPE, text=True,
                           env=ENVIRONMENT)
    while not any(tmp_path.iterdir()):  # the temporary file is made once the signals are noted
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGINT)
    assert job.wait(60) == 75 and "was not written" in job.stderr.read()
    assert not any(tmp_path.iterdir())

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    done = subprocess.run([BINARY, "annotations", file, "--slide", slide, "--out",
                           tmp_path / "labels.tif"], capture_output=True, text=True, env=ENVIRONMENT,
                          preexec_fn=small_files)
    assert done.returncode == 74 and "disk full" in done.stderr
    assert not any(tmp_path.iterdir())


# ------------------------------------------------------------------ runs

TILES = {"size_px": 128, "halo_px": 0}
BASE = {"tiles": TILES, "task": {"kind": "tile-features"}, "sample": {"fraction": 1.0}}


def pool_of(run_dir):
    with results(run_dir) as file:
        return {(int(x), int(y)): float(f) for x, y, f in
                zip(file["pool/x"][:], file["pool/y"][:], file["pool/tissue_fraction"][:])}


@pytest.mark.parametrize("exact", [False, True])
def test_tissue_counts_inside_and_outside_of_regions(tmp_path, slide, exact):
    file = geojson(tmp_path / "a.json", Tumor=box(256, 512, 1280, 1536), Fold=box(512, 768, 768, 1024))
    config = write_config(tmp_path, [{"path": str(slide), "annotations": str(file)}], **BASE,
                          annotations={"include": ["Tumor"], "exclude": ["Fold"]},
                          tissue={"exact": exact})
    run(config, tmp_path / "run")
    pool = pool_of(tmp_path / "run")
    inside = {(x, y) for x in range(256, 1280, 128) for y in range(512, 1536, 128)}
    fold = {(x, y) for x in range(512, 768, 128) for y in range(768, 1024, 128)}
    assert set(pool) == inside - fold
    assert exact or min(pool.values()) > 0.99
    # Without the key all tissue counts.
    everything = write_config(tmp_path, [slide], **BASE)
    run(everything, tmp_path / "all")
    assert len(pool_of(tmp_path / "all")) >= 15 * 16


def test_slides_without_and_with_wrong_annotations(tmp_path, slide):
    for name in ("good", "bare", "wrong", "other"):
        (tmp_path / f"{name}.tif").write_bytes(slide.read_bytes())
    folder = tmp_path / "regions"
    folder.mkdir()
    geojson(folder / "good.geojson", Tumor=box(0, 64, 1024, 1024))
    (folder / "wrong.xml").write_text("<Annotations><Annotation>")
    geojson(folder / "other.json", Stroma=box(0, 64, 1024, 1024))
    config = write_config(tmp_path, [str(tmp_path / "*.tif")], **BASE,
                          annotations={"folder": "regions", "include": ["Tumor"]})
    planned = tilepool("plan", config)
    assert "1 of 4 slides have no file of annotations and would be skipped: bare" in planned.stdout
    assert "malformed XML" in planned.stdout
    typo = tilepool("plan", config, "--set", "/annotations/exclude=[\"Stromma\"]")
    assert 'no slide has a region called "Stromma"; there are Stroma, Tumor' in typo.stdout
    run(config, tmp_path / "run", code=3)
    rows = ledger(tmp_path / "run")
    assert {id: row["status"] for id, row in rows.items()} == {
        "good": "success", "bare": "skipped", "wrong": "failed", "other": "skipped"}
    assert rows["bare"]["reason"].startswith("no annotation: /annotations/include asks for Tumor")
    assert "malformed XML" in rows["wrong"]["reason"] and "wrong.xml" in rows["wrong"]["reason"]
    assert "no region called Tumor; there are Stroma" in rows["other"]["reason"]


def test_a_run_resumes_with_the_same_annotations_only(tmp_path, slide):
    file = geojson(tmp_path / "a.json", Tumor=box(256, 512, 1280, 1536))
    config = write_config(tmp_path, [{"path": str(slide), "annotations": str(file)}], **BASE,
                          annotations={"include": ["Tumor"]})
    run(config, tmp_path / "run")
    run(config, tmp_path / "run")
    geojson(file, Tumor=box(256, 512, 1280, 1537))
    changed = run(config, tmp_path / "run", code=78)
    assert f"its annotations changed: {file}" in changed.stderr
    file.unlink()
    gone = run(config, tmp_path / "run", code=78)
    assert "no such file" in gone.stderr
    geojson(file, Tumor=box(256, 512, 1280, 1536))
    run(config, tmp_path / "run")
    regions = run(config, tmp_path / "run", "--set", "/annotations/include=[\"Fold\"]", code=78)
    assert "/annotations/include/0" in regions.stderr


def test_shares_of_classes_are_columns(tmp_path, slide):
    tumour = [(300, 300), (1500, 420), (900, 1700)]
    file = geojson(tmp_path / "a.json", **{"Tumor": tumour, "In situ": box(700, 700, 1000, 900)})
    sections = {**BASE, "annotations": {"classes": {"Tumor": 1, "In situ": 2}}}
    config = write_config(tmp_path, [{"path": str(slide), "annotations": str(file)}], **sections)
    run(config, tmp_path / "run", ranks=3)
    run(config, tmp_path / "alone")
    with results(tmp_path / "run") as file, results(tmp_path / "alone") as alone:
        columns = {name: file[f"features/{name}"][:] for name in ("annotation_Tumor",
                                                                  "annotation_In_situ")}
        for name, values in columns.items():
            assert (values == alone[f"features/{name}"][:]).all()
            assert np.isfinite(values).all()
        x, y = file["pool/x"][:], file["pool/y"][:]
    from shapely.geometry import Polygon
    from shapely.geometry import box as rectangle
    inner = rectangle(700, 700, 1000, 900)
    outer = Polygon(tumour).difference(inner)
    for i, tile in enumerate(rectangle(a, b, a + 128, b + 128) for a, b in zip(x, y)):
        assert columns["annotation_Tumor"][i] == pytest.approx(
            outer.intersection(tile).area / 128**2, abs=0.01)
        assert columns["annotation_In_situ"][i] == pytest.approx(
            inner.intersection(tile).area / 128**2, abs=1e-6)


def test_contradictions_are_told_at_once(tmp_path, slide):
    config = write_config(tmp_path, [slide], annotations={"include": ["a", "a"], "exclude": ["a"],
                                                          "classes": {"b": 300}})
    done = tilepool("plan", config)
    assert done.returncode == 78
    for text in ('/annotations/include/1: "a" stands twice', "/annotations/classes/b"):
        assert text in done.stderr
    config = write_config(tmp_path, [slide], annotations={"include": ["a"]},
                          tissue={"method": "variance", "min_fraction": 0})
    done = tilepool("plan", config)
    assert "/tissue/method" in done.stderr and "/tissue/min_fraction" in done.stderr
