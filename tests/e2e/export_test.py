"""Exports, each opened by an independent reader and compared with what h5py reads in results.h5."""
import contextlib
import csv
import gzip
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
import warnings
import zlib
from pathlib import Path

import anndata
import h5py
import numpy
import pytest
import shapely.wkb
import xxhash

from runs import BINARY, DATA, ENVIRONMENT, cohort, run, tilepool, write_config

CELL_FORMATS = ["geojson", "csv", "h5ad", "annotationstore"]
NO_FEATURES = {"sample", "slide", "class", "x", "y", "uid", "contour_begin"}
ODD_ID = 'a, "b"/\u00fc'


def export(run_dir, out, formats, *arguments, code=0, **options):
    done = tilepool("export", run_dir, "--format", formats, "--out", out, *arguments, **options)
    assert done.returncode == code, done.stderr
    return done


class Results:
    """What results.h5 holds, read by h5py alone."""

    def __init__(self, run_dir):
        with h5py.File(Path(run_dir) / "results.h5", "r") as file:
            self.slides = {name: column[:] for name, column in file["slides"].items()}
            self.pool = {name: column[:] for name, column in file["pool"].items()}
            self.sample = {name: column[:] for name, column in file["sample"].items()}
            self.attributes = dict(file.attrs)
            self.cells = {name: column[:] for name, column in file["cells"].items()}
            self.units = {name: column.attrs["unit"].decode()
                          for name, column in file["cells"].items() if name not in NO_FEATURES}
            self.points = numpy.stack([file["contours/x"][:], file["contours/y"][:]], axis=1)
            self.classes = [name.decode() for name in file["classes/name"][:]]
        self.ids = [text.decode() for text in self.slides["id"]]
        self.features = sorted(self.units)

    def of(self, slide_id):
        return numpy.flatnonzero(self.cells["slide"] == self.ids.index(slide_id))

    def ring(self, cell):
        begin, end = self.cells["contour_begin"][cell:cell + 2]
        return self.points[begin:end]

    def class_name(self, cell):
        return self.classes[self.cells["class"][cell]]

    def um(self, cell):
        slide = self.cells["slide"][cell]
        return [self.cells[axis][cell] * self.slides[f"mpp_{axis}"][slide] for axis in "xy"]


def stem(slide_id):
    """The name of a slide's files, as docs/cli.md states it."""
    if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", slide_id):
        return slide_id
    plain = re.sub(rb"[^A-Za-z0-9._-]", b"_", slide_id.encode()[:60]).decode()
    plain = "_" + plain[1:] if plain.startswith(".") else plain
    return f"{plain}-{xxhash.xxh64(slide_id.encode()).intdigest():016x}"


def write_results(run_dir, slides, features=("area_um2", "solidity"), points=8, seed=1):
    """A results.h5 as docs/format.md describes it, with made-up cells. Each slide: a dict with `id`,
    `cells`, and any of the columns of /slides; two pooled tiles, of which the second is sampled."""
    run_dir.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(seed)
    slides = sorted(slides, key=lambda slide: slide["id"].encode())
    live = [i for i, slide in enumerate(slides) if slide.get("status", "success") == "success"]
    n = sum(slide["cells"] for slide in slides)
    packing = {"compression": "gzip", "compression_opts": 1, "shuffle": True}

    def texts(values):
        values = [value.encode() for value in values]
        width = max([1, *map(len, values)])
        return numpy.array(values, dtype=f"S{width}").astype(h5py.string_dtype("utf-8", width))

    with h5py.File(run_dir / "results.h5", "w", libver=("earliest", "v108")) as file:
        for name, value in {"format": "tilepool-results", "format_version": "1.0", "job_id": "j0b",
                            "pipeline_id": "p1pe", "config": "{}"}.items():
            file.attrs[name] = numpy.bytes_(value)
        defaults = {"path": "/s.tif", "group": "", "vendor": "", "status": "success", "reason": "",
                    "fingerprint": "f", "width": 4096, "height": 3000, "mpp_x": 0.5, "mpp_y": 0.25,
                    "core_px": 2048}
        for name in ["id", "path", "group", "vendor", "status", "reason", "fingerprint"]:
            file[f"slides/{name}"] = texts([{**defaults, **s}[name] for s in slides])
        for name in ["width", "height", "core_px"]:
            file[f"slides/{name}"] = numpy.int64([{**defaults, **s}[name] for s in slides])
        for name in ["mpp_x", "mpp_y"]:
            file[f"slides/{name}"] = numpy.float64([{**defaults, **s}[name] for s in slides])
        for name, each in (("n_pool", 2), ("n_sample", 1)):
            file[f"slides/{name}"] = numpy.int64([each * (i in live) for i in range(len(slides))])
        file["slides/n_cells"] = numpy.int64([slide["cells"] for slide in slides])
        file["pool/slide"] = numpy.repeat(numpy.uint32(live), 2)
        file["pool/x"] = numpy.int64([0, 2048] * len(live))
        file["pool/y"] = numpy.int64([0, 2048] * len(live))
        file["pool/w"] = numpy.int32([2048, 2048] * len(live))
        file["pool/h"] = numpy.int32([2048, 952] * len(live))
        file["pool/tissue_fraction"] = numpy.float32([1, 0.5] * len(live))
        file["sample/pool"] = numpy.arange(len(live), dtype="u8") * 2 + 1
        file["sample/status"] = numpy.ones(len(live), "u1")
        file["classes/name"] = texts(["small", "large"])
        cells = file.create_group("cells")

        def column(name, values, chunk=65536, group=cells):
            lay = {"chunks": (min(chunk, len(values)),), **packing} if len(values) else {}
            dataset = group.create_dataset(name, data=values, **lay)
            dataset.attrs["unit"] = numpy.bytes_("1")
            dataset.attrs["description"] = numpy.bytes_(f"What {name} is.")

        x, y = random.uniform(0, 4096, n), random.uniform(0, 3000, n)
        column("slide", numpy.repeat(numpy.arange(len(slides), dtype="u4"),
                                     [slide["cells"] for slide in slides]))
        column("class", random.integers(0, 2, n, dtype="u1"))
        column("x", x)
        column("y", y)
        column("uid", random.integers(0, 2**64, n, dtype="u8"))
        column("contour_begin", numpy.arange(n + 1, dtype="u8") * points)
        for name in features:
            values = random.lognormal(0, 8, n).astype("f4")
            values[3::7] = numpy.nan
            column(name, values)
        turn = numpy.arange(points) * 2 * numpy.pi / points
        contours = file.create_group("contours")
        radius = random.uniform(5, 20, n)[:, None]
        column("x", (x[:, None] + radius * numpy.cos(turn)).astype("f4").ravel(), 262144, contours)
        column("y", (y[:, None] + radius * numpy.sin(turn)).astype("f4").ravel(), 262144, contours)
        file.attrs["complete"] = numpy.uint8(1)
    return run_dir


@pytest.fixture(scope="module")
def finished(cohort, tmp_path_factory):
    """A real run of two slides, one with an odd id, and one that is not there."""
    folder = tmp_path_factory.mktemp("finished")
    config = write_config(
        folder, [{"path": str(cohort[0]), "id": "plain-1.x", "group": "g1"},
                 {"path": str(cohort[1]), "id": ODD_ID}, {"path": "none.svs", "id": "gone"}],
        tiles={"size_px": 512, "halo_px": 64}, sample={"fraction": 0.5},
        task={"kind": "segment", "classes": [
            {"name": "small", "min_area_um2": 10, "max_area_um2": 60},
            {"name": "large", "min_area_um2": 60, "max_area_um2": 500}]})
    run(config, folder / "run", code=3)
    return folder / "run"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """Undefined features, more cells than a block, a slide without cells, ids that differ in case
    only, a slide without mpp, one that was skipped."""
    return write_results(tmp_path_factory.mktemp("made_up") / "run", [
        {"id": "S1", "cells": 17000, "group": "g"}, {"id": "s1", "cells": 50},
        {"id": "empty", "cells": 0}, {"id": "cohort", "cells": 3, "mpp_x": numpy.nan,
                                      "mpp_y": numpy.nan},
        {"id": "out", "cells": 0, "status": "skipped", "reason": "no tissue"}])


@pytest.fixture(scope="module", params=["finished", "made_up"])
def exported(request, tmp_path_factory):
    run_dir = request.getfixturevalue(request.param)
    out = tmp_path_factory.mktemp("exported") / "new/out"
    done = export(run_dir, out, "geojson,csv,h5ad,annotationstore,clam,trident", "--json")
    return Results(run_dir), json.loads(done.stdout), out


def files_of(told, name):
    return {file["slide"]: file["path"] for file in told["files"] if file["format"] == name}


def check_feature(feature):
    """What QuPath's QuPathTypeAdapters (0.5 to 0.6) need to make a detection of a feature."""
    assert set(feature) == {"type", "id", "geometry", "properties"}
    assert feature["type"] == "Feature" and str(uuid.UUID(feature["id"])) == feature["id"]
    assert uuid.UUID(feature["id"]).variant == uuid.RFC_4122
    assert feature["geometry"]["type"] == "Polygon"
    (ring,) = feature["geometry"]["coordinates"]
    assert len(ring) >= 4 and ring[0] == ring[-1]
    assert all(len(point) == 2 and all(type(v) in (int, float) for v in point) for point in ring)
    properties = feature["properties"]
    assert properties["objectType"] == "detection" and properties["isLocked"] is False
    assert set(properties["classification"]) == {"name", "color"}
    assert isinstance(properties["classification"]["name"], str)
    assert len(properties["classification"]["color"]) == 3
    assert all(type(v) is int and 0 <= v <= 255 for v in properties["classification"]["color"])
    assert all(type(v) in (int, float) or v == "NaN" for v in properties["measurements"].values())


def no_constants(name):
    raise AssertionError(f"{name} is no JSON")


def test_geojson_is_what_qupath_reads_and_holds_every_cell(exported):
    expected, told, _ = exported
    colours = {}
    for slide, path in files_of(told, "geojson").items():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            whole = json.load(file, parse_constant=no_constants)
        assert whole["type"] == "FeatureCollection"
        cells = expected.of(slide)
        assert len(whole["features"]) == len(cells)
        assert len({feature["id"] for feature in whole["features"]}) == len(cells)
        for cell, feature in zip(cells, whole["features"]):
            check_feature(feature)
            value = uuid.UUID(feature["id"]).int
            uid = (value >> 80) << 16 | (value >> 64 & 0xfff) << 4 | value >> 58 & 0xf
            assert uid == expected.cells["uid"][cell]
            ring = numpy.float32(feature["geometry"]["coordinates"][0])
            assert (ring[:-1] == expected.ring(cell)).all()
            properties = feature["properties"]
            name = properties["classification"]["name"]
            assert name == expected.class_name(cell)
            assert colours.setdefault(name, properties["classification"]["color"]) == \
                properties["classification"]["color"]
            assert list(properties["measurements"]) == expected.features
            numpy.testing.assert_array_equal(
                numpy.float32(list(properties["measurements"].values())),
                [expected.cells[feature][cell] for feature in expected.features])
    assert len({tuple(colour) for colour in colours.values()}) == len(colours) > 1


def number(field):
    return float(field) if field else numpy.nan


def test_csv_holds_every_cell(exported):
    expected, told, _ = exported
    for slide, path in files_of(told, "csv").items():
        if not slide:
            continue
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, strict=True))
        assert rows[0] == ["uid", "class", "x_px", "y_px", "x_um", "y_um", *expected.features]
        cells = expected.of(slide)
        assert len(rows) == len(cells) + 1
        for cell, row in zip(cells, rows[1:]):
            assert row[0] == f"{expected.cells['uid'][cell]:016x}"
            assert row[1] == expected.class_name(cell)
            assert [float(row[2]), float(row[3])] == [expected.cells[axis][cell] for axis in "xy"]
            numpy.testing.assert_array_equal([number(field) for field in row[4:6]],
                                             expected.um(cell))
            numpy.testing.assert_array_equal(
                numpy.float32([number(field) for field in row[6:]]),
                [expected.cells[feature][cell] for feature in expected.features])


def test_cohort_csv_counts_cells_on_sampled_tissue(exported):
    expected, told, _ = exported
    with open(files_of(told, "csv")[""], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [row["slide"] for row in rows] == expected.ids
    pool, sample = expected.pool, expected.sample
    done = sample["pool"][sample["status"] == 1]
    for i, row in enumerate(rows):
        for name in ("path", "group", "status", "reason"):
            assert row[name] == expected.slides[name][i].decode()
        tiles = done[pool["slide"][done] == i]
        area = (pool["w"][tiles] * pool["h"][tiles] * pool["tissue_fraction"][tiles].astype(float)
                ).sum() * expected.slides["mpp_x"][i] * expected.slides["mpp_y"][i] / 1e6
        numpy.testing.assert_allclose(number(row["sampled_tissue_mm2"]), area)
        for index, name in enumerate(expected.classes):
            count = ((expected.cells["slide"] == i) & (expected.cells["class"] == index)).sum()
            assert int(row[f"cells_{name}"]) == count
            density = count / area if area > 0 else numpy.nan
            numpy.testing.assert_allclose(number(row[f"cells_per_mm2_{name}"]), density)


def test_h5ad_is_read_by_anndata(exported):
    expected, told, out = exported
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cells = anndata.read_h5ad(out / "cells.h5ad")
    assert files_of(told, "h5ad") == {"": str(out / "cells.h5ad")}
    n = len(expected.cells["x"])
    assert cells.shape == (n, len(expected.features)) and cells.X.dtype == numpy.float32
    assert list(cells.var_names) == expected.features
    assert list(cells.var["unit"]) == [expected.units[name] for name in expected.features]
    assert cells.var["description"].str.len().min() > 5
    assert list(cells.obs_names) == [f"{uid:016x}" for uid in expected.cells["uid"]]
    for i, name in enumerate(expected.features):
        numpy.testing.assert_array_equal(cells.X[:, i], expected.cells[name])
    assert [str(cells.obs[name].dtype) for name in ("slide", "group", "class")] == ["category"] * 3
    slide = expected.cells["slide"]
    assert list(cells.obs["slide"]) == [expected.ids[i] for i in slide]
    assert list(cells.obs["group"].astype(object).fillna("")) == \
        [expected.slides["group"][i].decode() for i in slide]
    assert list(cells.obs["class"]) == [expected.classes[i] for i in expected.cells["class"]]
    for axis in "xy":
        numpy.testing.assert_array_equal(cells.obs[f"{axis}_px"], expected.cells[axis])
        numpy.testing.assert_array_equal(
            cells.obs[f"{axis}_um"], expected.cells[axis] * expected.slides[f"mpp_{axis}"][slide])
    numpy.testing.assert_array_equal(
        cells.obsm["spatial"], numpy.stack([expected.cells["x"], expected.cells["y"]], axis=1))
    assert cells.uns["spatial_unit"] == "px of level 0"
    assert cells.uns["pipeline_id"] == expected.attributes["pipeline_id"].decode()
    assert cells.uns["job_id"] == expected.attributes["job_id"].decode()
    assert len(cells.uns["class_colors"]) == len(expected.classes)


def test_h5ad_can_be_written_again_by_anndata(exported, tmp_path):
    _, _, out = exported
    cells = anndata.read_h5ad(out / "cells.h5ad")
    cells.write_h5ad(tmp_path / "again.h5ad")
    again = anndata.read_h5ad(tmp_path / "again.h5ad")
    assert (again.obs["class"] == cells.obs["class"]).all() and again.shape == cells.shape


def test_what_a_classifier_says_is_in_every_format_of_cells(made_up, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(made_up, run_dir)
    with h5py.File(run_dir / "results.h5", "r") as file:
        job_id = file.attrs["job_id"]
        classes, uid = file["cells/class"][:], file["cells/uid"][:]
        slide_ids = [name.decode() for name in file["slides/id"][:]]
        slide, names = file["cells/slide"][:], [name.decode() for name in file["classes/name"][:]]
    scores = numpy.random.default_rng(5).random(len(uid)).astype("f4")
    scores[classes != 0] = numpy.nan
    (run_dir / "classified").mkdir()
    with h5py.File(run_dir / "classified/a.h5", "w") as file:
        file.attrs["format"], file.attrs["job_id"] = numpy.bytes_("tilepool-scores"), job_id
        file["cells/score"] = scores
        file["cells/decision"] = numpy.where(classes == 0, scores >= 0.5, 255).astype("u1")
    word = {f"{one:016x}": "" if numpy.isnan(score) else "yes" if score >= 0.5 else "no"
            for one, score in zip(uid, scores)}
    score_of = {f"{one:016x}": score for one, score in zip(uid, scores)}
    done = export(run_dir, tmp_path / "out", "geojson,csv,h5ad,annotationstore", "--json")
    told = json.loads(done.stdout)
    for name, path in files_of(told, "csv").items():
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        if not name:
            for row in rows:
                own = slide == slide_ids.index(row["slide"])
                assert int(row[f"cells_yes_{names[0]}"]) == (scores[own] >= 0.5).sum()
            continue
        assert all(row["decision"] == word[row["uid"]] for row in rows)
        numpy.testing.assert_array_equal(numpy.float32([number(row["score"]) for row in rows]),
                                         [score_of[row["uid"]] for row in rows])
    suffix = {"yes": ": Positive", "no": ": Negative", "": ""}
    for path in files_of(told, "geojson").values():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            features = json.load(file, parse_constant=no_constants)["features"]
        for feature in features:
            check_feature(feature)
            value = uuid.UUID(feature["id"]).int
            cell = f"{(value >> 80) << 16 | (value >> 64 & 0xfff) << 4 | value >> 58 & 0xf:016x}"
            assert feature["properties"]["classification"]["name"].endswith(suffix[word[cell]])
            numpy.testing.assert_array_equal(
                numpy.float32(feature["properties"]["measurements"]["score"]), score_of[cell])
    cells = anndata.read_h5ad(tmp_path / "out/cells.h5ad")
    assert list(cells.obs["decision"].astype(object).fillna("")) == \
        [word[name] for name in cells.obs_names]
    numpy.testing.assert_array_equal(cells.obs["score"], [score_of[n] for n in cells.obs_names])
    for path in files_of(told, "annotationstore").values():
        with contextlib.closing(sqlite3.connect(path)) as store:
            for (text,) in store.execute("SELECT properties FROM annotations"):
                own = json.loads(text)
                assert own.get("decision", "") == word[own["uid"]]
                assert numpy.float32(own.get("score", numpy.nan)) == score_of[own["uid"]] or \
                    (not own.get("decision") and numpy.isnan(score_of[own["uid"]]))


def test_annotation_store_is_what_tiatoolbox_opens(exported):
    expected, told, _ = exported
    for slide, path in files_of(told, "annotationstore").items():
        store = sqlite3.connect(path)
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        metadata = {key: json.loads(value) for key, value in
                    store.execute("SELECT key, value FROM metadata")}
        assert metadata["version"] == "1.0.1" and metadata["compression"] == "zlib"
        rows = store.execute(
            "SELECT key, objtype, cx, cy, geometry, properties, area, min_x, max_x, min_y, max_y "
            "FROM annotations, rtree WHERE annotations.id == rtree.id ORDER BY annotations.id")
        cells = expected.of(slide)
        seen = 0
        for cell, row in zip(cells, rows):
            key, kind, cx, cy, geometry, properties, area, *box = row
            polygon = shapely.wkb.loads(zlib.decompress(geometry))
            assert kind == polygon.geom_type == "Polygon" and str(uuid.UUID(key)) == key
            assert (numpy.float32(polygon.exterior.coords)[:-1] == expected.ring(cell)).all()
            numpy.testing.assert_allclose([cx, cy], polygon.centroid.coords[0], rtol=1e-9)
            numpy.testing.assert_allclose(area, polygon.area, rtol=1e-9)
            left, top, right, bottom = polygon.bounds
            assert box[0] <= left and right <= box[1] and box[2] <= top and bottom <= box[3]
            properties = json.loads(properties, parse_constant=no_constants)
            assert properties.pop("type") == expected.class_name(cell)
            assert properties.pop("uid") == f"{expected.cells['uid'][cell]:016x}"
            assert list(properties) == expected.features
            numpy.testing.assert_array_equal(
                numpy.float32([numpy.nan if v is None else v for v in properties.values()]),
                [expected.cells[feature][cell] for feature in expected.features])
            seen += 1
        assert seen == len(cells)
        if seen:  # SQLite's own JSON functions, which TIAToolbox's queries use
            count = store.execute("SELECT count(*) FROM annotations "
                                  "WHERE json_extract(properties, '$.type') = 'small'").fetchone()[0]
            assert count == (expected.cells["class"][cells] == expected.classes.index("small")).sum()


def check_corners(expected, slide, coords, tiles):
    index = expected.ids.index(slide)
    assert coords.dtype == numpy.int64 and coords.shape == (len(tiles), 2)
    assert (expected.pool["slide"][tiles] == index).all()
    assert (coords[:] == numpy.stack([expected.pool["x"][tiles], expected.pool["y"][tiles]],
                                     axis=1)).all()
    return index


def test_clam_reads_the_pooled_tiles(exported):
    expected, told, _ = exported
    golden = sorted((DATA / "golden/clam").glob("*.h5"))
    for slide, path in files_of(told, "clam").items():
        with h5py.File(path, "r") as file:
            coords = file["coords"]
            tiles = numpy.flatnonzero(expected.pool["slide"] == expected.ids.index(slide))
            index = check_corners(expected, slide, coords, tiles)
            size = [expected.slides["width"][index], expected.slides["height"][index]]
            attributes = dict(coords.attrs)
            assert attributes["patch_size"] == expected.slides["core_px"][index]
            assert attributes["patch_level"] == 0 and attributes["name"] == slide
            assert list(attributes["downsample"]) == [1, 1]
            assert list(attributes["level_dim"]) == list(attributes["downsampled_level_dim"]) == size
            if golden:
                with h5py.File(golden[0], "r") as peer:
                    theirs = dict(peer["coords"].attrs)
                assert {name: numpy.asarray(value).dtype.kind for name, value in theirs.items()} == \
                    {name: numpy.asarray(value).dtype.kind for name, value in attributes.items()}


def test_trident_reads_the_pooled_tiles(exported):
    expected, told, _ = exported
    paths = files_of(told, "trident")
    known = {slide for slide, mpp, status in zip(expected.ids, expected.slides["mpp_x"],
                                                 expected.slides["status"])
             if status == b"success" and not numpy.isnan(mpp)}
    assert set(paths) == known
    for slide, path in paths.items():
        assert Path(path).name.endswith("_patches.h5")
        with h5py.File(path, "r") as file:
            tiles = numpy.flatnonzero(expected.pool["slide"] == expected.ids.index(slide))
            index = check_corners(expected, slide, file["coords"], tiles)
            attributes = dict(file["coords"].attrs)
        core = expected.slides["core_px"][index]
        assert attributes["patch_size"] == attributes["patch_size_level0"] == core
        # TRIDENT reads patch_size * level0_magnification / target_magnification px of level 0
        assert attributes["level0_magnification"] == attributes["target_magnification"] == \
            {0.25: 40, 0.5: 20}[round(expected.slides["mpp_x"][index], 2)]
        assert attributes["overlap"] == 0 and attributes["name"] == slide
        assert [attributes["level0_width"], attributes["level0_height"]] == \
            [expected.slides["width"][index], expected.slides["height"][index]]


def test_sampled_tiles_alone(finished, tmp_path):
    expected = Results(finished)
    told = json.loads(export(finished, tmp_path, "clam", "--tiles", "sample", "--json").stdout)
    for slide, path in files_of(told, "clam").items():
        tiles = expected.sample["pool"]
        tiles = tiles[expected.pool["slide"][tiles] == expected.ids.index(slide)]
        assert 0 < len(tiles) < (expected.pool["slide"] == expected.ids.index(slide)).sum()
        with h5py.File(path, "r") as file:
            check_corners(expected, slide, file["coords"], tiles)


def test_files_are_named_after_slides_and_nothing_else_is_left(exported):
    expected, told, out = exported
    for name in ("geojson", "csv", "annotationstore", "clam"):
        slides = files_of(told, name)
        assert set(slides) - {""} == {slide for slide, status in
                                      zip(expected.ids, expected.slides["status"])
                                      if status == b"success"}
    paths = [file["path"] for file in told["files"]]
    assert len(set(map(str.lower, paths))) == len(paths)
    assert sorted(paths) == sorted(str(path) for path in out.iterdir())
    assert {slide["slide"] for slide in told["left_out"] if not slide["format"]} == \
        {slide for slide, status in zip(expected.ids, expected.slides["status"])
         if status != b"success"}


def test_names_of_odd_slides(finished, made_up, tmp_path):
    told = json.loads(export(finished, tmp_path / "a", "csv", "--json").stdout)
    names = {slide: Path(path).name for slide, path in files_of(told, "csv").items()}
    assert names == {"plain-1.x": "plain-1.x.csv", ODD_ID: stem(ODD_ID) + ".csv",
                     "": "cohort.csv"}
    told = json.loads(export(made_up, tmp_path / "b", "csv", "--json").stdout)
    names = {slide: Path(path).stem for slide, path in files_of(told, "csv").items()}
    assert names[""] == "cohort" and names["cohort"].startswith("cohort-")
    assert names["S1"] == "S1" and re.fullmatch("s1-[0-9a-f]{16}", names["s1"])


def test_the_same_export_is_the_same_bytes_and_replaces_files(made_up, tmp_path):
    formats = "geojson,csv,h5ad,annotationstore,clam,trident"
    export(made_up, tmp_path / "a", formats)
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "a").iterdir():
        (tmp_path / "b" / path.name).write_text("old")
    done = export(made_up, tmp_path / "b", formats)
    assert "slide out is left out: skipped: no tissue" in done.stderr
    assert "trident: slide cohort is left out" in done.stderr
    assert sorted(done.stdout.split()) == sorted(str(p) for p in (tmp_path / "b").iterdir())
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(("formats", "code", "words"), [
    ("geojsn", 64, "did you mean geojson"), ("csv,,h5ad", 64, "is not one of"),
    ("npy", 66, "kept no pixels of patches")])
def test_other_formats(made_up, tmp_path, formats, code, words):
    done = export(made_up, tmp_path / "out", formats, code=code)
    assert words in done.stderr and not any((tmp_path / "out").glob("*"))


def test_wrong_choice_of_tiles(made_up, tmp_path):
    assert "--tiles" in export(made_up, tmp_path, "clam", "--tiles", "all", code=64).stderr


def test_a_run_that_is_not_finished(made_up, tmp_path):
    assert "no run directory" in export(tmp_path / "none", tmp_path, "csv", code=66).stderr
    (tmp_path / "run").mkdir()
    assert "run the same command again" in export(tmp_path / "run", tmp_path / "o", "csv",
                                                  code=66).stderr
    shutil.copy(made_up / "results.h5", tmp_path / "run")
    with h5py.File(tmp_path / "run/results.h5", "a") as file:
        file.attrs["complete"] = numpy.uint8(0)
    assert "not complete" in export(tmp_path / "run", tmp_path / "o", "csv", code=66).stderr
    assert not (tmp_path / "o").exists()


def test_files_of_the_run_are_not_replaced(tmp_path):
    """A slide called `results` would have made clam write over results.h5."""
    run_dir = write_results(tmp_path / "run", [{"id": "results", "cells": 1}])
    (run_dir / "scan").mkdir()
    before = (run_dir / "results.h5").read_bytes()
    for folder in (run_dir, tmp_path / "run/../run", run_dir / "scan"):
        assert "own files" in export(run_dir, folder, "clam", code=64).stderr
    assert (run_dir / "results.h5").read_bytes() == before
    export(run_dir, run_dir / "exports", "clam")


def test_a_run_without_cells_has_tiles_only(cohort, tmp_path):
    config = write_config(tmp_path, cohort[:1], tiles={"size_px": 512, "halo_px": 64},
                          task={"kind": "tile-features"})
    run(config, tmp_path / "run")
    for name in CELL_FORMATS:
        done = export(tmp_path / "run", tmp_path / "out", "clam," + name, code=66)
        assert "has no cells" in done.stderr and not (tmp_path / "out").exists()
    export(tmp_path / "run", tmp_path / "out", "clam,trident")
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize("name", CELL_FORMATS + ["clam"])
def test_a_full_disk_is_told_with_the_path_and_nothing_is_left(made_up, tmp_path, name):
    """A limit on the size of files stands for the full disk."""
    kib = 1 if name == "clam" else 20
    done = subprocess.run(
        ["bash", "-c", f'trap "" XFSZ; ulimit -f {kib}; exec "$@"', "bash", BINARY, "export",
         made_up, "--format", name, "--out", tmp_path / "out"], capture_output=True, text=True,
        env=ENVIRONMENT, timeout=60)
    assert done.returncode == 74 and str(tmp_path / "out") in done.stderr, done.stderr
    assert not list((tmp_path / "out").glob(".*"))


def test_a_contour_that_cannot_be_is_damage(made_up, tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(made_up / "results.h5", tmp_path / "run")
    with h5py.File(tmp_path / "run/results.h5", "a") as file:
        file["cells/contour_begin"][7] = 3
    done = export(tmp_path / "run", tmp_path / "out", "geojson", code=74)
    assert "contour" in done.stderr and not list((tmp_path / "out").iterdir())


def test_a_signal_stops_it_and_leaves_no_part(million, tmp_path):
    child = subprocess.Popen([BINARY, "export", million, "--format", "csv,geojson", "--out",
                              tmp_path], env=ENVIRONMENT, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".large.geojson.gz.tmp-*")):
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.01)
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 75 and "stopped" in errors
    assert {path.name for path in tmp_path.iterdir()} == {"large.csv", "other.csv", "cohort.csv"}


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    features = [f"feature_{i:02}" for i in range(12)]
    return write_results(tmp_path_factory.mktemp("million") / "run",
                         [{"id": "large", "cells": 700_000}, {"id": "other", "cells": 300_000}],
                         features=features)


# The peak that a process is charged with begins with that of who started it: a small one does.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@pytest.mark.parametrize("name", ["geojson", "h5ad", "csv"])
def test_a_million_cells_within_300_mb(million, tmp_path, name):
    begin = time.monotonic()
    done = subprocess.run(
        ["/usr/bin/python3", "-c", MEASURED, BINARY, "export", million, "--format", name, "--out",
         tmp_path], capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout) * 1024
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    print(f"{name}: {time.monotonic() - begin:.1f} s, {peak / 1e6:.0f} MB at most, "
          f"{size / 1e6:.0f} MB written")
    assert 1e6 < peak < 300e6
