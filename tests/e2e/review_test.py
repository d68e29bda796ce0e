"""The review pages in a real browser, opened from file://: Debian's Chromium, driven by selenium."""
import csv
import json
import re
from pathlib import Path

import h5py
import numpy
import pytest
from PIL import Image

from runs import cohort, run, tilepool, write_config  # noqa: F401
from serve_test import serving

pytest.importorskip("selenium", reason="no python3-selenium; scripts/setup.sh test installs it")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.options import Options  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM.exists() and DRIVER.exists()),
                                reason="no chromium or chromium-driver; scripts/setup.sh test "
                                       "installs them")

EVIL = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>'
EVIL_CLASS = "<svg onload=window.hacked=1>"
CROP = 160


@pytest.fixture(scope="module")
def finished(cohort, tmp_path_factory):
    """A real run of two slides; the first slide's id and the second class's name are markup."""
    folder = tmp_path_factory.mktemp("finished")
    config = write_config(
        folder, [{"path": str(cohort[0]), "id": EVIL, "group": EVIL},
                 {"path": str(cohort[1]), "id": "b", "group": "g2"}],
        tiles={"size_px": 512, "halo_px": 64}, sample={"fraction": 1.0},
        task={"kind": "segment", "classes": [
            {"name": "small", "min_area_um2": 10, "max_area_um2": 40},
            {"name": EVIL_CLASS, "min_area_um2": 40, "max_area_um2": 500}]})
    run(config, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def pages(finished, tmp_path_factory):
    out = tmp_path_factory.mktemp("pages")
    done = tilepool("export", finished, "--format", "review", "--crop-px", CROP, "--out", out,
                    "--json")
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    assert Path(file["path"]) == out / "review/index.html" and file["slide"] == ""
    return out / "review"


@pytest.fixture(scope="module")
def results(finished):
    with h5py.File(finished / "results.h5", "r") as file:
        cells = {name: column[:] for name, column in file["cells"].items()}
        cells["points"] = numpy.stack([file["contours/x"][:], file["contours/y"][:]], axis=1)
        cells["ids"] = [text.decode() for text in file["slides/id"][:]]
        cells["pipeline_id"] = file.attrs["pipeline_id"].decode()
    assert numpy.bincount(cells["class"], minlength=2).min() > 20
    return cells


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    downloads = tmp_path_factory.mktemp("downloads")
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                     "--window-size=1300,900"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = str(CHROMIUM)
    driver = webdriver.Chrome(service=Service(str(DRIVER)), options=options)
    driver.downloads = downloads
    yield driver
    driver.quit()


class Page:
    """What a person sees and does."""

    def __init__(self, driver, url):
        self.driver, self.url = driver, url
        self.open()

    def open(self):
        self.driver.get(self.url)
        self.wait(lambda: self.driver.execute_script("return document.body.dataset.ready"))

    def wait(self, truth):
        return WebDriverWait(self.driver, 20, 0.05).until(lambda _: truth())

    def __getitem__(self, name):
        return self.driver.find_element(By.ID, name)

    def press(self, keys):
        for key in keys if isinstance(keys, str) and keys.isalnum() else [keys]:
            self.driver.switch_to.active_element.send_keys(key)

    def cards(self):
        return self.driver.find_elements(By.CSS_SELECTOR, ".card")

    def labels(self):
        """Of the cards of the page."""
        return [int(text) for text in self.script(
            "return [...document.querySelectorAll('.card')].map(card => card.dataset.label)")]

    def uids(self):
        return self.script("return [...view.shown].map(cell => loaded.uid(cell))")

    def current(self):
        return self.script("return view.at")

    def counts(self):
        """yes, no, unsure, unlabelled, all"""
        return [int(text.replace(",", "")) for text in re.findall(r"[\d,]+", self["counts"].text)]

    def choose(self, name, value):
        Select(self[name]).select_by_value(value)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def downloaded(self, name):
        path = self.driver.downloads / name
        self.wait(path.exists)
        text = path.read_bytes().decode()
        path.unlink()
        return text

    def import_file(self, path):
        self["file"].send_keys(str(path))
        self.wait(lambda: self["ask"].is_displayed() or self.import_ended())

    def answer(self, button):
        self[button].click()
        self.wait(self.import_ended)

    def import_ended(self):
        return self["file"].get_attribute("value") == ""


@pytest.fixture
def page(chromium, pages):
    """The page, with nothing kept."""
    shown = Page(chromium, f"file://{pages}/index.html")
    shown.script("localStorage.clear()")
    shown.open()
    chromium.get_log("browser")
    yield shown
    shown.script("view.unsaved = 0")
    assert chromium.get_log("browser") == []
    assert shown.script("return window.hacked") is None


def smalls(results):
    return numpy.flatnonzero(results["class"] == 0)


def by_uid(results, uids):
    places = {f"{uid:016x}": i for i, uid in enumerate(results["uid"])}
    return [places[uid] for uid in uids]


def test_files_are_all_there_and_refer_to_nothing_else(pages, results):
    page = (pages / "index.html").read_text()
    assert "http:" not in page.replace("http://www.w3.org/2000/svg", "") and "https:" not in page
    assert not re.search(r'(src|href)="(?!data)', page)
    sheets = sorted((pages / "sheets").iterdir())
    per_slide = numpy.bincount(results["slide"], minlength=2)
    assert len(sheets) == sum((n + 15) // 16 for n in per_slide)
    assert {sheet.suffix for sheet in sheets} == {".webp"}
    assert Image.open(sheets[0]).size == (4 * CROP, 4 * CROP)
    assert "<" not in (pages / "cells.js").read_text()


def test_crops_show_the_slide_and_contours_lie_on_it(page, pages, results, cohort):
    slide = Image.open(cohort[1])
    cells = numpy.flatnonzero(results["slide"] == 1)
    sheet = (numpy.count_nonzero(results["slide"] == 0) + 15) // 16
    crops = numpy.asarray(Image.open(pages / f"sheets/{sheet:06}.webp").convert("RGB"), float)
    for place, cell in enumerate(cells[:7]):
        left, top = (int(results[axis][cell]) - CROP // 2 for axis in "xy")
        if min(left, top) < 0 or max(left, top) + CROP > 2048:
            continue
        expected = numpy.asarray(slide.crop((left, top, left + CROP, top + CROP)), float)
        row, column = divmod(place, 4)
        crop = crops[row * CROP:(row + 1) * CROP, column * CROP:(column + 1) * CROP]
        assert abs(crop - expected).mean() < 6
        path = page.script("const d = arguments[0], done = arguments[1];"
                           "return new Promise(found => loaded.contour(d, found))", int(cell))
        points = numpy.array([[float(v) for v in point.split()]
                              for point in re.split("[ML]", path.rstrip("Z"))[1:]])
        begin, end = results["contour_begin"][cell:cell + 2]
        numpy.testing.assert_allclose(points, results["points"][begin:end] - [left, top],
                                      atol=1 / 16)


def test_label_by_key_undo_redo_and_find_them_after_a_reload(page, results):
    n = len(smalls(results))
    assert page.counts() == [0, 0, 0, n, n]
    page.press("ynu")
    assert page.labels()[:4] == [1, 2, 3, 0] and page.current() == 3
    assert page.counts() == [1, 1, 1, n - 3, n]
    page.press("z")
    assert page.labels()[:3] == [1, 2, 0] and page.current() == 2
    page.press(Keys.CONTROL + "z")
    assert page.labels()[:3] == [1, 0, 0]
    page.press("Z")
    page["redo"].click()
    assert page.labels()[:3] == [1, 2, 3] and not page["redo"].is_enabled()
    page["grid"].find_elements(By.CSS_SELECTOR, ".card")[0].click()
    page.press("0")
    assert page.labels()[:3] == [0, 2, 3]
    uids = page.uids()
    page.open()
    assert page.labels()[:3] == [0, 2, 3] and page.uids() == uids
    assert page.counts() == [0, 1, 1, n - 2, n]
    page.press("j")
    assert page.current() == 3


def test_buttons_and_several_cells_at_once(page):
    cards = page.cards()
    cards[1].click()
    page.script("document.activeElement.blur()")
    webdriver.ActionChains(page.driver).key_down(Keys.SHIFT).click(cards[4]).key_up(
        Keys.SHIFT).key_down(Keys.CONTROL).click(cards[7]).key_up(Keys.CONTROL).perform()
    assert page["chosen"].text.startswith("5 selected")
    assert [card.get_attribute("aria-selected") for card in cards[:8]] == [
        "false", "true", "true", "true", "true", "false", "false", "true"]
    page.driver.find_element(By.CSS_SELECTOR, "button.no").click()
    assert page.labels()[:8] == [0, 2, 2, 2, 2, 0, 0, 2]
    page["undo"].click()
    assert page.labels()[:8] == [0] * 8


def test_keyboard_alone(page, results):
    body = page.driver.find_element(By.TAG_NAME, "body")
    for _ in range(60):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        if page.driver.switch_to.active_element.get_attribute("role") == "option":
            break
    assert page.driver.switch_to.active_element.get_attribute("aria-label").startswith("Cell 1,")
    page.press(Keys.ARROW_RIGHT)
    page.press(Keys.ARROW_DOWN)
    columns = page.script("return view.columns()")
    assert page.current() == 1 + columns > 2
    page.press(Keys.SHIFT + Keys.ARROW_LEFT)
    page.press("y")
    assert [i for i, label in enumerate(page.labels()) if label] == [columns, 1 + columns]
    assert page["live"].get_attribute("textContent") == "2 cells: yes"
    page.press("c")
    assert "plain" in body.get_attribute("class") and not page["contours"].is_selected()
    page.press("?")
    assert page["keys"].is_displayed()
    page.press("n")
    page["keys-close"].send_keys(Keys.ENTER)
    assert page.labels().count(2) == 0 and not page["keys"].is_displayed()
    page["annotator"].send_keys("yyn")
    assert page.labels().count(1) == 2 and page.labels().count(2) == 0
    page.script("document.getElementById('letters').checked = false; view.mark(true)")
    page.press("n")
    assert page.labels().count(2) == 0


def test_filter_and_sort(page, results):
    cells = smalls(results)
    page.choose("per-page", "600")
    page.choose("sort", "largest")
    shown = results["area_um2"][by_uid(results, page.uids())]
    assert len(shown) == min(600, len(cells)) and (numpy.diff(shown) <= 0).all()
    page.choose("sort", "slide")
    assert by_uid(results, page.uids()) == list(cells[:600])
    page.choose("slide", "1")
    assert by_uid(results, page.uids()) == list(cells[results["slide"][cells] == 1][:600])
    page["area-min"].send_keys("25" + Keys.TAB)
    both = cells[(results["slide"][cells] == 1) & (results["area_um2"][cells] >= 25)]
    assert 0 < len(both) and by_uid(results, page.uids()) == list(both[:600])
    page["area-min"].send_keys(Keys.BACKSPACE * 2 + Keys.TAB)
    page.choose("slide", "")
    page.choose("group", "g2")
    assert by_uid(results, page.uids()) == list(cells[results["slide"][cells] == 1][:600])
    page.script("view.mark(true)")
    page.press("yy")
    page.choose("label", "1")
    assert len(page.uids()) == 2
    page.choose("label", "3")
    assert page.cards() == [] and page["empty"].text == "No cell passes these filters."
    page.press("y")
    assert page.counts()[0] == 2
    page.choose("class", "1")
    page.choose("label", "")
    assert set(results["class"][by_uid(results, page.uids())]) == {1}
    assert page.counts()[0] == 0


def test_blind_mode_hides_where_a_cell_is_from(page):
    assert EVIL in page["facts"].text or "b" in page["facts"].text.split()
    assert "slide" in page.cards()[0].get_attribute("aria-label")
    page.choose("sort", "slide")
    page["blind"].click()
    assert not page["slide"].is_displayed() and not page["group"].is_displayed()
    assert not page["context"].is_displayed() and "Slide" not in page["facts"].text
    assert "slide" not in page.cards()[0].get_attribute("aria-label")
    order = page.uids()
    page["blind"].click()
    page.choose("sort", "random")
    assert page.uids() == order
    assert page["context"].is_displayed()


def test_markup_in_names_is_text(page):
    assert [option.text for option in Select(page["slide"]).options] == ["all", EVIL, "b"]
    assert EVIL_CLASS in Select(page["class"]).options[1].text
    page.choose("slide", "0")
    page.choose("class", "1")
    assert EVIL in page["facts"].text
    assert page.script("return document.querySelectorAll('main img').length") == 1
    assert page.script("return document.querySelector('#context img').naturalWidth") > 0


def test_downloads_hold_the_labels_by_uid(page, results):
    page["annotator"].send_keys("Anna, B." + Keys.TAB)
    page.script("view.mark(true)")
    page.press("ynu")
    uids = page.uids()[:3]
    page["json"].click()
    told = json.loads(page.downloaded("labels-small-Anna_B_.json"))
    entries = told.pop("labels")
    assert told == {"format": "tilepool-labels", "version": 1, "class": "small",
                    "pipeline_id": results["pipeline_id"], "annotator": "Anna, B."}
    assert {uid: entry["label"] for uid, entry in entries.items()} == dict(
        zip(uids, ["yes", "no", "unsure"]))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])
               for entry in entries.values())
    page["csv"].click()
    rows = list(csv.DictReader(page.downloaded("labels-small-Anna_B_.csv").splitlines()))
    assert {row["uid"]: row["label"] for row in rows} == dict(zip(uids, ["yes", "no", "unsure"]))
    for row, cell in zip(rows, by_uid(results, [row["uid"] for row in rows])):
        assert row["slide"] == results["ids"][results["slide"][cell]]
        assert row["annotator"] == "Anna, B."
        assert abs(float(row["x_px"]) - results["x"][cell]) < 0.06


def test_names_have_their_own_labels(page):
    page.press("yy")
    page["annotator"].send_keys("anna" + Keys.TAB)
    assert page.counts()[0] == 2
    page["annotator"].send_keys(Keys.BACKSPACE * 4 + "ben" + Keys.TAB)
    assert page.counts()[0] == 0
    page.open()
    assert page["annotator"].get_attribute("value") == "ben" and page.counts()[0] == 0
    page["annotator"].send_keys(Keys.BACKSPACE * 3 + "anna" + Keys.TAB)
    assert page.counts()[0] == 2


def test_import_counts_conflicts_and_asks(page, results, tmp_path):
    uids = page.uids()
    page.press("yn")
    file = tmp_path / "other.json"
    file.write_text(json.dumps({
        "format": "tilepool-labels", "version": 1, "class": "small", "annotator": "x",
        "pipeline_id": results["pipeline_id"],
        "labels": {uids[0]: {"label": "yes"}, uids[1]: {"label": "yes"},
                   uids[2]: {"label": "unsure"}, "0123456789abcdef": {"label": "no"}}}))
    page.import_file(file)
    text = page["ask-text"].text
    assert "1 new, 1 the same, 1 in conflict" in text and ", 1 of cells that this page" in text
    page.answer("ask-cancel")
    assert page.labels()[:3] == [1, 2, 0]
    page.import_file(file)
    page.answer("ask-mine")
    assert page.labels()[:3] == [1, 2, 3]
    page.import_file(file)
    page.answer("ask-theirs")
    assert page.labels()[:3] == [1, 1, 3]
    page["undo"].click()
    assert page.labels()[:3] == [1, 2, 3]


@pytest.mark.parametrize("form", ["lists", "annotations"])
def test_older_forms_are_imported(page, form, tmp_path):
    a, b, c = page.uids()[:3]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(
        {"positive": [a], "negative": ["0x" + b], "unsure": [c]} if form == "lists" else
        {"annotations": {a: "yes", b: "no", c: "unsure"}}))
    page.import_file(file)
    page.answer("ask-theirs")
    assert page.labels()[:4] == [1, 2, 3, 0]


@pytest.mark.parametrize("content, why", [
    ("{", "it is no JSON"), ('{"a": 1}', "it has neither"),
    ('{"annotations": {"0123456789abcdef": "maybe"}}', "expected yes, no or unsure"),
    ('{"positive": [1234567890123456789]}', "lost its last digits"),
    ('{"positive": [], "class": "<b>x</b>"}', "this run has no such class")])
def test_what_is_no_label_file_is_told(page, content, why, tmp_path):
    file = tmp_path / "wrong.json"
    file.write_text(content)
    page.import_file(file)
    assert why in page["warning"].text and page["warning"].get_attribute("role") == "alert"
    assert page.labels().count(0) == len(page.labels())


def test_a_full_store_is_told_and_labels_are_downloaded(page):
    page.script("""
        for (let size = 1 << 20; size > 0; size >>= 1)
          try { for (let i = 0;; i++) localStorage.setItem(`full-${size}-${i}`, 'x'.repeat(size)); }
          catch (error) { continue; }""")
    page.press("y")
    assert "QuotaExceededError" in page["warning"].text and page["saved"].text == "NOT saved"
    first = json.loads(page.downloaded("labels-small.json"))
    assert list(first["labels"]) == page.uids()[:1]
    page.press("n" * 25)
    later = json.loads(page.downloaded("labels-small.json"))
    assert len(later["labels"]) == 25
    page.choose("class", "1")
    assert len(json.loads(page.downloaded("labels-small.json"))["labels"]) == 26
    page.choose("class", "0")
    assert page.counts()[:2] == [0, 0]
    page.script("localStorage.clear()")
    page.script("view.mark(true)")
    page.press("y")
    assert not page["warning"].is_displayed() and page["saved"].text == "saved in this browser"
    page.open()
    assert page.counts()[:2] == [1, 0]


def test_a_slide_that_is_not_there_any_more_has_no_pictures(finished, tmp_path, chromium, results,
                                                            cohort):
    moved = cohort[1].rename(cohort[1].with_suffix(".away"))
    try:
        done = tilepool("export", finished, "--format", "review", "--out", tmp_path, "--json")
    finally:
        moved.rename(cohort[1])
    assert done.returncode == 0
    (left_out,) = json.loads(done.stdout)["left_out"]
    assert left_out["slide"] == "b" and str(cohort[1]) in left_out["reason"]
    page = Page(chromium, f"file://{tmp_path}/review/index.html")
    page.script("localStorage.clear()")
    page.open()
    page.choose("slide", "1")
    page.wait(lambda: "No picture: " in page.cards()[0].text)
    page.cards()[0].click()
    page.press("y")
    assert page.counts()[0] == 1


def test_it_is_the_same_from_a_server(pages, chromium):
    with serving(pages.parent) as url:
        page = Page(chromium, url + "review/index.html")
        page.script("localStorage.clear()")
        page.open()
        page.press("y")
        assert page["saved"].text == "saved in this browser"
        page.open()
        assert page.counts()[:2] == [1, 0]
        page.wait(lambda: page.script(
            "return [...document.images].every(image => image.complete && image.naturalWidth > 0)"))
        assert not [line for line in chromium.get_log("browser") if line["level"] == "SEVERE"]


def test_fewer_cells_than_the_run_has_are_a_stable_choice(finished, tmp_path, results, chromium):
    done = tilepool("export", finished, "--format", "review", "--max-cells", 40, "--out", tmp_path)
    assert f"40 of the run's {len(results['uid'])} cells" in done.stderr
    page = Page(chromium, f"file://{tmp_path}/review/index.html")
    smallest = numpy.argsort(results["uid"])[:40]
    expected = {f"{results['uid'][i]:016x}" for i in smallest}
    assert set(page.script("return [...Array(loaded.n).keys()].map(i => loaded.uid(i))")) == expected


def test_scores_of_a_classifier_sort_and_filter(finished, tmp_path, results, chromium):
    folder = finished / "classified"
    folder.mkdir()
    scores = numpy.where(results["class"] == 0,
                         numpy.random.default_rng(3).random(len(results["uid"])), numpy.nan)
    scores = scores.astype("f4")
    with h5py.File(finished / "results.h5", "r") as file:
        job_id = file.attrs["job_id"]
    for name, job in (("small.h5", job_id), ("other.h5", numpy.bytes_("other"))):
        with h5py.File(folder / name, "w") as file:
            file.attrs["format"] = numpy.bytes_("tilepool-scores")
            file.attrs["job_id"] = job
            file["cells/score"] = scores if name == "small.h5" else 1 - scores
            file["cells/decision"] = numpy.where(results["class"] == 0, scores >= 0.5, 255).astype("u1")
    done = tilepool("export", finished, "--format", "review", "--out", tmp_path)
    assert "other.h5 is of another job" in done.stderr
    page = Page(chromium, f"file://{tmp_path}/review/index.html")
    page.choose("per-page", "600")
    page.choose("sort", "uncertain")
    doubt = abs(scores[by_uid(results, page.uids())] - numpy.float32(0.5))
    assert (numpy.diff(doubt) >= 0).all() and doubt[0] < 0.05
    page["score-min"].send_keys("0.9" + Keys.TAB)
    assert len(page.uids()) == numpy.count_nonzero(scores >= 0.9)


def test_a_run_without_cells(cohort, tmp_path, chromium):
    config = write_config(tmp_path, [cohort[0]], tiles={"size_px": 512, "halo_px": 64},
                          task={"kind": "segment", "classes": [
                              {"name": "none", "min_area_um2": 9000, "max_area_um2": 9001}]})
    run(config, tmp_path / "run")
    done = tilepool("export", tmp_path / "run", "--format", "review", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    page = Page(chromium, f"file://{tmp_path}/out/review/index.html")
    assert page["empty"].text == "This run has no cells." and page["where"].text == "no cells"
    page.press("y")
    page.press("j")
    page.press(Keys.ARROW_RIGHT)
    assert page.counts() == [0, 0, 0, 0, 0] and not page["json"].is_enabled()
    assert page.driver.get_log("browser") == []


def test_what_is_not_ours_is_not_removed(finished, tmp_path):
    arguments = ["export", finished, "--format", "review", "--max-cells", 5, "--out", tmp_path]
    assert tilepool(*arguments).returncode == 0
    assert tilepool(*arguments).returncode == 0
    labels = tmp_path / "review/labels.json"
    labels.write_text("{}")
    done = tilepool(*arguments)
    assert done.returncode == 64 and "labels.json" in done.stderr and labels.exists()
