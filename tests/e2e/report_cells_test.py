"""The report of a real run: its numbers by group against h5py and numpy, the pictures of its cells,
the layers in a real browser, and the command that computes failed tiles again."""
import base64
import io
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import h5py
import numpy
import pytest
from PIL import Image

from report_test import Page
from runs import BINARY, ENVIRONMENT, cohort, differences, run, tilepool, write_config  # noqa: F401

CHROMIUM, CHROMEDRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
CLASSES = [{"name": "small <b>", "min_area_um2": 10, "max_area_um2": 30},
           {"name": "large", "min_area_um2": 30, "max_area_um2": 500}]
COLOURS = [(0, 158, 115), (213, 94, 0)]  # the palette of Okabe and Ito
GRID = 128


@pytest.fixture(scope="module")
def config(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("it's a config")
    (folder / "broken.tif").write_bytes(cohort[0].read_bytes()[:2000])
    return write_config(
        folder, [{"path": str(cohort[0]), "id": "a", "group": "g<1>"},
                 {"path": str(cohort[1]), "id": "b", "group": "g<1>"},
                 {"path": str(cohort[2]), "id": "c"},
                 {"path": str(folder / "broken.tif"), "id": "d 'broken'", "mpp": 0.5}],
        tiles={"size_px": 256, "halo_px": 64}, sample={"fraction": 0.7},
        task={"kind": "segment", "classes": CLASSES})


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    """A run in which one tile crashes the process until it is given up."""
    run_dir = tmp_path_factory.mktemp("runs") / "a run"
    crashing = dict(ENVIRONMENT, TILEPOOL_FAULT="at=compute do=segv index=17")
    codes = []
    while not codes or codes[-1] not in (0, 3):
        assert len(codes) < 4, codes
        codes.append(subprocess.run([BINARY, "run", config.name, "--run-dir", run_dir, "--quiet"],
                                    env=crashing, cwd=config.parent,
                                    capture_output=True).returncode)
    assert codes[-1] == 3
    return run_dir


@pytest.fixture(scope="module")
def page(finished):
    return Page((finished / "report.html").read_text(encoding="utf-8"))


def table_of(page, title):
    """The rows of the table below a heading, as {group: [n, quartile, median, quartile]}."""
    at = next(i for i, e in enumerate(page.elements) if e["tag"] == "h3" and e["text"] == title)
    rows, cells = {}, None
    for element in page.elements[at + 1:]:
        if element["tag"] in ("h3", "h2"):
            break
        if element.get("scope") == "row":
            cells = rows.setdefault(element["text"], [])
        elif element["tag"] == "td" and "data-v" in element:
            cells.append(float(element["data-v"]))
    return rows


def quartiles(values):
    return [len(values), *numpy.percentile(values, [25, 50, 75])]


@pytest.fixture(scope="module")
def truth(finished):
    """By group (text as the page shows it): rows of /sample that are done, and rows of /cells."""
    with h5py.File(finished / "results.h5", "r") as file:
        slides, pool = file["slides"], file["pool"]
        tile = file["sample/pool"][:]
        slide = pool["slide"][:][tile]
        mm2 = (pool["w"][:][tile] * slides["mpp_x"][:][slide] * pool["h"][:][tile]
               * slides["mpp_y"][:][slide] * 1e-6 * pool["tissue_fraction"][:][tile])
        return {"mm2": mm2, "fraction": pool["tissue_fraction"][:][tile],
                "done": file["sample/status"][:] == 1, "tile_slide": slide,
                "pooled": slides["n_pool"][:],
                "groups": {"g<1>": [0, 1], "no group": [2]},
                "cells": {name: column[:] for name, column in file["cells"].items()}}


@pytest.mark.parametrize("c", [0, 1])
def test_cells_by_group_are_those_of_numpy(page, truth, c):
    cells, name = truth["cells"], CLASSES[c]["name"]
    of_class = cells["class"] == c
    counts = numpy.bincount(cells["sample"][of_class].astype(int), minlength=len(truth["mm2"]))
    densities = table_of(page, f"{name}: cells per mm² of tissue")
    areas = table_of(page, f"{name}: area of a cell, µm²")
    assert set(densities) == set(areas) == {"g<1>", "no group"}
    for group, slides in truth["groups"].items():
        tiles = truth["done"] & numpy.isin(truth["tile_slide"], slides)
        assert densities[group] == pytest.approx(quartiles((counts / truth["mm2"])[tiles]),
                                                 rel=1e-6)
        area = cells["area_um2"][of_class & numpy.isin(cells["slide"], slides)]
        assert len(area) > 20
        assert areas[group] == pytest.approx(quartiles(area), rel=0.002)


def test_tissue_by_group_is_that_of_numpy(page, truth):
    fraction = table_of(page, "Tissue in a sampled tile")
    pooled = table_of(page, "Tiles with tissue on a slide")
    for group, slides in truth["groups"].items():
        tiles = numpy.isin(truth["tile_slide"], slides)
        assert fraction[group] == pytest.approx(quartiles(truth["fraction"][tiles]), rel=1e-6)
        assert pooled[group] == pytest.approx(quartiles(truth["pooled"][slides]))


def test_pictures_show_each_cell_in_its_class_colour(page, truth):
    """A square shows that of its classes which is rarest in the run; a square is 16 px of these slides of 2048."""
    layers = [e for e in page.all("image") if e.get("class") == "cells"]
    assert len(layers) == 3
    cells = truth["cells"]
    totals = numpy.bincount(cells["class"], minlength=2)
    for slide, layer in enumerate(layers):
        data = base64.b64decode(layer["href"].removeprefix("data:image/webp;base64,"))
        picture = numpy.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
        assert picture.shape == (GRID, GRID, 4)
        assert float(layer["width"]) == float(layer["height"]) == 2048 / 256
        of_slide = cells["slide"] == slide
        expected = numpy.full((GRID, GRID), -1)
        for c in numpy.argsort(-totals, kind="stable"):
            of_class = of_slide & (cells["class"] == c)
            places = [(cells[axis][of_class] * GRID / 2048).astype(int) for axis in "yx"]
            expected[places[0], places[1]] = c
        assert ((picture[..., 3] > 0) == (expected >= 0)).all()
        for c, colour in enumerate(COLOURS):
            assert (picture[expected == c][:, :3] == colour).all()


def commands(page):
    return [e["text"] for e in page.all("pre") if "section" in e["in"] and "tilepool run" in e["text"]]


def test_every_failure_has_its_command(finished, config, page):
    (alone, retry, fresh) = commands(page)
    begin = ["cd", str(config.parent), "&&", "tilepool", "run", "config.json"]
    at = ["--run-dir", str(finished)]
    assert shlex.split(retry) == [*begin, *at, "--retry-failed"]
    assert shlex.split(fresh) == [*begin, *at, "--fresh"]
    words = shlex.split(alone)
    assert words[:6] == begin
    (slide,) = json.loads(words[words.index("--set") + 1].removeprefix("/slides="))
    assert slide == {"path": str(config.parent / "broken.tif"), "id": "d 'broken'", "group": "",
                     "mpp": 0.5}
    assert not Path(words[words.index("--run-dir") + 1]).exists()


def test_the_commands_do_what_they_say(finished, config, page, tmp_path):
    """Typed into a shell in another folder, on a copy of the run."""
    again = tmp_path / "again"
    subprocess.run(["cp", "-r", finished, again], check=True)
    (alone, retry, _) = commands(page)
    shell = dict(ENVIRONMENT, PATH=f"{Path(BINARY).parent}:{os.environ['PATH']}")

    def typed(command, run_dir):
        command = re.sub(r"--run-dir ('[^']*'|\S+)", f"--run-dir {shlex.quote(str(run_dir))}", command)
        return subprocess.run(["bash", "-c", command], env=shell, capture_output=True, text=True)

    done = typed(alone, tmp_path / "alone")
    assert done.returncode == 3 and (tmp_path / "alone/slides.csv").exists(), done.stderr
    done = typed(retry, again)
    assert done.returncode == 3, done.stderr
    assert "1 failed tile, computed again" in done.stderr
    run(config, tmp_path / "whole", code=3)
    assert differences(again, tmp_path / "whole") == ""
    with h5py.File(again / "results.h5", "r") as file:
        assert (file["sample/status"][:] == 1).all() and "failures" not in file
    assert "failed tile" not in typed(retry, again).stderr, "there is nothing to retry now"


def test_layers_are_hidden_by_the_keyboard(finished):
    pytest.importorskip("selenium", reason="no python3-selenium; scripts/setup.sh test installs it")
    if not (CHROMIUM.exists() and CHROMEDRIVER.exists()):
        pytest.skip("no chromium or chromium-driver; scripts/setup.sh test installs them")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(str(CHROMEDRIVER)), options=options)
    try:
        driver.get((finished / "report.html").as_uri())
        layers = {"show-tissue": ".tissue", "show-tiles": ".done", "show-cells": ".cells"}

        def shown():
            return {box for box, layer in layers.items() if driver.execute_script(
                "return getComputedStyle(document.querySelector('.cards ' + arguments[0]))"
                ".display", layer) != "none"}

        assert shown() == set(layers)
        for box in layers:
            element = driver.find_element(By.ID, box)
            element.send_keys(Keys.SPACE)
            assert shown() == set(layers) - {box}
            element.send_keys(Keys.SPACE)
            assert shown() == set(layers)
        width = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, "nothing sticks out of the page"
        assert driver.get_log("browser") == []
    finally:
        driver.quit()


def test_a_stopped_run_says_that_its_cells_come_later(cohort, tmp_path):
    config = write_config(tmp_path, [cohort[0]], tiles={"size_px": 256, "halo_px": 64},
                          sample={"fraction": 1.0}, task={"kind": "segment", "classes": CLASSES})
    stopped = dict(ENVIRONMENT, TILEPOOL_FAULT="at=pack do=kill")
    subprocess.run([BINARY, "run", str(config), "--run-dir", str(tmp_path / "run")], env=stopped,
                   capture_output=True)
    assert not (tmp_path / "run/results.h5").exists()
    assert tilepool("report", tmp_path / "run").returncode == 0
    page = Page((tmp_path / "run/report.html").read_text(encoding="utf-8"))
    assert not [e for e in page.all("image") if e.get("class") == "cells"]
    assert not [e for e in page.all("input") if e["id"] == "show-cells"]
    groups = page.by_id("groups")["text"]
    assert "when results.h5 has been written" in groups and "Tissue in a sampled tile" in groups
