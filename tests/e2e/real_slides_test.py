"""One run over every real slide, whole or damaged: results for what can be read, a true reason for
what cannot."""
import re

import pytest

from runs import (CHECKS, COMPOSITE, DATA, check_results, ledger, needs_data, results, run, status,
                  texts, write_config)

pytestmark = needs_data

PATTERNS = ["**/*.svs", "**/*.tif", "**/*.tiff", "**/*.ndpi", "**/*.mrxs", "**/*.vms"]
NO_MPP = "mpp"
# id -> part of the reason that the ledger must give
FAILED = {
    "CMU-1-40x - 2010-01-12 13.24.05": "No restart markers",
    "CMU-1-Small-Region.jpeg": "0.00499 um/px",
    "CMU-1-Small-Region.webp": "0.00499 um/px",
    "CMU-1-truncated-70pct": "cut short",
    "CMU-1-truncated-half": "cut short",
    "Mirax2-Fluorescence-2": "Data0005.dat",
    "TCGA-CR-7395-01A-01-TS1": NO_MPP,
    "boxes": "352.8 um/px",
    "empty": "0 bytes",
    "histolab_broken": "not a file that OpenSlide can recognize",
    "lfs_pointer": "git-LFS pointer",
    "panimg_Mirax2-Fluorescence-1": "Index.dat",
    "pen-green": NO_MPP,
    "striped_half_mpp": "strips",
    "two-pieces": "264.6 um/px",
    "unopenable": "Unsupported TIFF compression: 52479",
    "unreadable": "Bogus marker length",
}
READABLE = ["A9K0_1", "A9K0_3", "CMU-1-Small-Region", "CMU-1-zeroed-tile", "OS-1-detail",
            "OS-2-ndpi", "composite-monuseg-6", "test3-DAPI-2-387"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    config = write_config(folder, [str(DATA / "slides" / p) for p in PATTERNS],
                          tiles={"size_px": 1024}, tissue={"min_fraction": 0.01},
                          sample={"fraction": 1.0})
    run(config, folder / "run", ranks=3, code=3)
    return folder / "run"


def test_every_readable_slide_has_results(whole):
    rows = ledger(whole)
    for slide in READABLE:
        assert rows[slide]["status"] == "success", rows[slide]
        assert int(rows[slide]["tiles_done"]) > 0 and int(rows[slide]["cells"]) > 0, rows[slide]


def test_every_other_slide_has_a_true_reason_of_one_line(whole):
    rows = ledger(whole)
    for slide, part in FAILED.items():
        assert rows[slide]["status"] == "failed", rows[slide]
        assert part in rows[slide]["reason"], rows[slide]
    for row in rows.values():
        assert "\n" not in row["reason"]
        assert row["status"] == "success" or row["reason"]


def test_blank_slides_are_skipped_for_having_no_tissue(whole):
    rows = ledger(whole)
    for slide in ("blank", "blank-with-line"):
        assert rows[slide]["status"] == "skipped", rows[slide]
        assert "no tissue" in rows[slide]["reason"]
        assert rows[slide]["tiles_pool"] == "0"


def test_a_tile_that_cannot_be_decoded_costs_itself_alone(whole):
    row = ledger(whole)["CMU-1-zeroed-tile"]
    assert (row["tiles_done"], row["tiles_failed"]) == ("5", "1")
    assert "0x00 0x00" in row["reason"]


def test_mirax_without_level_0_fails_tile_by_tile_and_the_rest_goes_on(whole):
    row = ledger(whole)["Mirax2-Fluorescence-2"]
    assert int(row["tiles_pool"]) > 0 and row["tiles_failed"] == row["tiles_sample"]
    assert status(whole)["state"] == "done"


def test_an_independent_reader_agrees(whole):
    check_results(whole, 1.0)


def test_the_pool_covers_all_six_fields_of_the_composite(whole):
    with results(whole) as file:
        ids = texts(file["slides/id"])
        of_slide = file["pool/slide"][:] == ids.index("composite-monuseg-6")
        x, y = file["pool/x"][:][of_slide], file["pool/y"][:][of_slide]
    tiles = set(zip(x.tolist(), y.tolist()))
    for line in COMPOSITE.with_suffix(".csv").read_text().splitlines()[1:]:
        left, top, width, height = map(int, line.split(",")[1:])
        for column in range(left // 1024, (left + width - 1) // 1024 + 1):
            for row in range(top // 1024, (top + height - 1) // 1024 + 1):
                covered = (min(left + width, (column + 1) * 1024) - max(left, column * 1024)) * (
                    min(top + height, (row + 1) * 1024) - max(top, row * 1024))
                if covered > 0.02 * 1024 * 1024:
                    assert (column * 1024, row * 1024) in tiles, (column, row)


def test_cells_of_the_composite_agree_with_the_truth(whole):
    import subprocess
    script = CHECKS / "score_cells.py"
    if not script.exists():
        pytest.skip(f"no {script}")
    done = subprocess.run(["/usr/bin/python3", script, whole, COMPOSITE.with_suffix(".csv"),
                           DATA / "segmentation/monuseg"], capture_output=True, text=True)
    f1, aji = map(float, re.search(r"F1@0.5 ([\d.]+) AJI ([\d.]+)", done.stdout).groups())
    assert f1 >= 0.75 and aji >= 0.58, done.stdout


def test_a_slide_without_mpp_runs_when_the_task_needs_none(tmp_path):
    slide = DATA / "slides/aperio/TCGA-CR-7395-01A-01-TS1.svs"
    config = write_config(tmp_path, [slide], tiles={"size_px": 512}, sample={"fraction": 0.3},
                          task={"kind": "tile-features"})
    run(config, tmp_path / "run")
    with results(tmp_path / "run") as file:
        assert len(file["features/mean_r"]) == len(file["sample/pool"]) > 5
        assert (file["features/mean_r"][:] > 50).all()


def test_mpp_from_the_configuration_lets_it_be_measured(tmp_path):
    slide = DATA / "slides/aperio/TCGA-CR-7395-01A-01-TS1.svs"
    config = write_config(tmp_path, [{"path": str(slide), "mpp": 0.5}], tiles={"size_px": 1024},
                          sample={"count": 2})
    run(config, tmp_path / "run")
    with results(tmp_path / "run") as file:
        assert file["slides/mpp_x"][0] == 0.5
        assert len(file["cells/x"]) > 0
