"""report.html as a reader gets it: parsed by the standard library, its pictures decoded by Pillow."""

import base64
import io
import json
import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

DRIVER = os.environ.get("TILEPOOL_REPORT_DRIVER", "")
VOID = {"meta", "br", "img", "hr", "link", "input"}
SECTIONS = ["slides", "table", "groups", "failures", "ranks", "throughput", "provenance"]

pytestmark = pytest.mark.skipif(not DRIVER, reason="TILEPOOL_REPORT_DRIVER names no program")


class Page(HTMLParser):
    """Elements with their attributes and text; complains of tags that do not close."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.wrong = [], [], []
        self.feed(text)
        self.close()
        self.wrong += [tag for tag, _ in self.open]

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "in": [t for t, _ in self.open], **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append((tag, element))

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", "in": [t for t, _ in self.open], **dict(attrs)})

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.wrong.append(f"</{tag}>")
        else:
            self.open.pop()

    def handle_data(self, data):
        for _, element in self.open:
            element["text"] += data

    def all(self, tag):
        return [e for e in self.elements if e["tag"] == tag]

    def by_id(self, name):
        return next(e for e in self.elements if e.get("id") == name)


def cells_of(page, slide):
    """The cells of the slide's row in the table of all slides."""
    heads = [i for i, e in enumerate(page.elements) if e.get("scope") == "row"]
    start = next(i for i in heads if page.elements[i]["text"] == slide)
    stop = next(i for i in range(start, len(page.elements)) if page.elements[i]["tag"] == "tr")
    return [e for e in page.elements[start:stop] if e["tag"] == "td"]


def thumbnails(page):
    return [image for image in page.all("image") if image.get("class") != "cells"]


def write_run(folder, stage, copies=1):
    done = subprocess.run([DRIVER, folder, stage, str(copies)], check=True, capture_output=True)
    text = (folder / "report.html").read_text(encoding="utf-8")
    return json.loads(done.stdout), text, Page(text)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "finished run", "finished")


@pytest.mark.parametrize("stage", ["started", "halfway", "dead", "finished"])
def test_well_formed_with_all_sections(tmp_path, stage):
    _, text, page = write_run(tmp_path, stage)
    assert page.wrong == []
    ids = [e["id"] for e in page.elements if "id" in e]
    assert len(ids) == len(set(ids))
    wanted = SECTIONS if stage != "started" else [s for s in SECTIONS if s != "ranks"]
    assert set(wanted) <= set(ids)
    for link in page.all("a"):
        assert link["href"][1:] in ids
    assert text.startswith("<!DOCTYPE html>")


def test_nothing_comes_from_outside(finished):
    _, text, page = finished
    for element in page.elements:
        for key in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            value = element.get(key)
            assert value is None or value.startswith(
                ("#", "data:image/jpeg;base64,", "data:image/webp;base64,")
            ), value
        assert "on" not in {key[:2] for key in element if key.startswith("on")}
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest", text)


def test_names_are_text_not_markup(finished):
    _, text, page = finished
    assert len(page.all("script")) == 1, "only the page's own"
    assert "alert(1)" not in page.all("script")[0]["text"]
    assert any(h["text"].startswith("a<script>alert(1)</script>&") for h in page.all("h3"))
    assert "cannot be opened: <not> a slide & no \"TIFF\"" in page.by_id("failures")["text"]
    assert not [e for e in page.elements if e["tag"] in ("not", "tile", "lost", "1")]


def test_figures_are_those_of_the_run(finished):
    facts, _, page = finished
    header = page.all("header")[0]["text"]
    pool, sample = facts["pool"], facts["sample"]
    assert f"{sample} of {pool} pooled tiles ({100 * sample / pool:.1f} %), seed 42" in header
    assert "Exit code 3: finished, but some slides or tiles failed." in header
    broken_at = [c.get("data-v") for c in cells_of(page, "c broken")]
    assert set(broken_at) <= {None, "0", "-1"}
    first = [c.get("data-v") for c in cells_of(page, "a<script>alert(1)</script>&")]
    assert first[2:8] == ["450", str(pool // 2), "26", "24", "2", str(facts["cells"] - 26 * 7)]
    failures = page.by_id("failures")["text"]
    assert "1 slide" in failures and "2 tiles" in failures and "--fresh" in failures
    assert "cannot read <tile> & more" in failures


def test_a_living_run_is_not_told_to_be_started_again(tmp_path):
    _, _, alive = write_run(tmp_path / "alive", "halfway")
    text = alive.by_id("failures")["text"]
    assert "resumes" not in text and "--fresh" not in text and "--retry-failed" not in text
    _, _, dead = write_run(tmp_path / "dead", "dead")
    assert "tilepool run 'configs/it'\\''s mine.json'" in dead.by_id("failures")["text"]
    assert "may be dead" in dead.all("header")[0]["text"]


def test_pictures_decode_and_show_the_slide(finished):
    Image = pytest.importorskip("PIL.Image")
    _, _, page = finished
    images = thumbnails(page)
    assert len(images) == 3, "two slides and a blank one; the broken one has none"
    means = []
    for image in images:
        jpeg = base64.b64decode(image["href"].split(",", 1)[1], validate=True)
        picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
        assert picture.size == (int(image["width"]), int(image["height"]))
        assert max(picture.size) <= 384
        means.append(sum(picture.resize((1, 1)).getpixel((0, 0))) / 3)
    assert means[0] > 180 > 100 > means[1], "bright field and fluorescence"


def test_overlay_lies_where_the_tiles_are(finished):
    facts, _, page = finished
    paths = {}
    for path in page.all("path"):
        if "d" in path and "g" in path["in"] and "svg" in path["in"]:
            paths.setdefault(path.get("class"), []).append(path["d"])
    assert sum(d.count("h1") for d in paths["pool"]) == facts["pool"]
    assert sum(d.count("h1") for d in paths["done"]) == facts["done"]
    assert [d.count("h1") for d in paths["fail"]] == [2]
    crosses = re.findall(r"M(\d+) (\d+)l1 1m0-1l-1 1", paths["cross"][0])
    places = re.findall(r"\((\d+), (\d+)\)", page.by_id("failures")["text"])
    assert [(1000 * int(x), 1000 * int(y)) for x, y in crosses] == [
        (int(x), int(y)) for x, y in places
    ]


def luminance(colour):
    if len(colour) == 4:
        colour = "#" + "".join(2 * c for c in colour[1:])
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_has_contrast_aa_in_both_schemes(finished):
    _, _, page = finished
    style = page.all("style")[0]["text"]
    schemes = re.findall(r":root\{(--ground.*?)\}", style, re.DOTALL)
    assert len(schemes) == 3, "light, dark, print"
    pairs = [
        (text, ground)
        for text in ("ink", "muted", "accent")
        for ground in ("ground", "panel", "quietsoft")
    ]
    pairs += [("good", "goodsoft"), ("bad", "badsoft"), ("bad", "panel"), ("accent", "soft")]
    pairs += [("ink", "soft"), ("ink", "quietsoft")]
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+):(#[0-9a-f]{3,6})", scheme))
        for text, ground in pairs:
            ratio = contrast(colours[text], colours[ground])
            assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


def test_a_hundred_slides_stay_below_5_mb(tmp_path):
    _, text, page = write_run(tmp_path, "finished", 25)
    assert len(page.all("article")) == 100
    assert len(thumbnails(page)) == 75
    assert len(page.all("image")) == 125, "and the cells of two slides in four"
    assert len(text.encode()) < 5_000_000
