"""Stain normalisation of whole runs: the same on any ranks, slides of two colours made alike, what cannot be
fitted told and left alone, the reference part of the job."""
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from runs import cohort, differences, ledger, results, run, texts, write_config

TILES = {"tiles": {"size_px": 512, "halo_px": 64}, "run": {"range_tiles": 4},
         "calibration": {"tiles_per_slide": 12, "patch_px": 256}}
FEATURES = {"task": {"kind": "tile-features"}}
CHANNELS = ("mean_r", "mean_g", "mean_b")


def pixels(slide):
    with Image.open(slide) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def save(path, rgb):
    tifffile.imwrite(path, np.clip(np.round(rgb), 0, 255).astype(np.uint8), tile=(256, 256),
                     photometric="rgb")
    return path


def restained(slide, path, power):
    """A copy whose channels absorb otherwise: densities times `power`."""
    return save(path, 256 * ((pixels(slide) + 1) / 256) ** np.asarray(power) - 1)


@pytest.fixture(scope="module")
def two_colours(cohort, tmp_path_factory):
    """One slide twice: as it is, and darker and bluer."""
    folder = tmp_path_factory.mktemp("colours")
    return [{"path": str(restained(cohort[0], folder / f"{name}.tif", power)), "id": name, "mpp": 0.5}
            for name, power in (("dark", (1.8, 1.4, 1.2)), ("plain", (1, 1, 1)))]


def tile_means(run_dir):
    """[slide][tile][channel] of the tiles that both slides have."""
    with results(run_dir) as file:
        pool = file["sample/pool"][:]
        slide, x, y = (file[f"pool/{name}"][:][pool] for name in ("slide", "x", "y"))
        columns = np.stack([file[f"features/{name}"][:] for name in CHANNELS], axis=1)
    keys = [dict(zip(zip(x[slide == i], y[slide == i]), columns[slide == i])) for i in (0, 1)]
    common = sorted(set(keys[0]) & set(keys[1]))
    assert len(common) > 3
    return np.array([[key[at] for at in common] for key in keys])


@pytest.mark.parametrize("method", ["macenko", "reinhard"])
def test_slides_of_two_colours_come_closer(two_colours, tmp_path, method):
    apart = {}
    for normalise in ("none", method):
        config = write_config(tmp_path, two_colours, **TILES, **FEATURES, sample={"fraction": 1.0},
                              stain={"normalise": normalise})
        run(config, tmp_path / normalise)
        means = tile_means(tmp_path / normalise)
        apart[normalise] = np.abs(means[0] - means[1]).mean()
        assert all(row["reason"] == "" for row in ledger(tmp_path / normalise).values())
    assert apart["none"] > 10
    assert apart[method] < apart["none"] / 4, apart


@pytest.mark.parametrize("task", [{}, FEATURES])
@pytest.mark.parametrize("method", ["macenko", "reinhard"])
def test_results_do_not_depend_on_ranks(cohort, tmp_path, task, method):
    config = write_config(tmp_path, cohort, **TILES, **task, sample={"fraction": 0.3},
                          stain={"normalise": method})
    run(config, tmp_path / "one", ranks=1)
    run(config, tmp_path / "three", ranks=3)
    assert differences(tmp_path / "one", tmp_path / "three") == ""


def test_cells_are_found_on_normalised_pixels(two_colours, tmp_path):
    config = write_config(tmp_path, two_colours, **TILES, sample={"fraction": 1.0},
                          stain={"normalise": "macenko"})
    run(config, tmp_path / "run")
    with results(tmp_path / "run") as file:
        cells = file["slides/n_cells"][:]
        red, slide = file["cells/mean_r"][:], file["cells/slide"][:]
    assert cells.min() > 50
    assert abs(red[slide == 0].mean() - red[slide == 1].mean()) < 8


def test_a_slide_of_one_stain_stays_and_the_ledger_says_why(cohort, tmp_path):
    amount = -np.log((pixels(cohort[0]).mean(axis=2) + 1) / 256)[..., None]
    save(tmp_path / "blue.tif", 256 * np.exp(-amount * [0.65, 0.70, 0.29]) - 1)
    slides = [{"path": str(tmp_path / "blue.tif"), "mpp": 0.5}, str(cohort[1])]
    config = write_config(tmp_path, slides, **TILES, **FEATURES, sample={"fraction": 1.0})
    run(config, tmp_path / "plain")
    run(config, tmp_path / "run", "--set", "/stain/normalise=macenko")
    rows = ledger(tmp_path / "run")
    assert rows["blue"]["status"] == "success"
    assert rows["blue"]["reason"].startswith("colours as scanned, stains not normalised: one stain only")
    assert rows[cohort[1].stem]["reason"] == ""
    events = [json.loads(line) for line in (tmp_path / "run/events.jsonl").read_text().splitlines()]
    assert [e["slide"] for e in events if e["event"] == "stains-left"] == ["blue"]
    with results(tmp_path / "plain") as before, results(tmp_path / "run") as after:
        blue = texts(after["slides/id"]).index("blue")
        is_blue = after["pool/slide"][:][after["sample/pool"][:]] == blue
        red = after["features/mean_r"][:]
        same = before["features/mean_r"][:] == red
        assert same[is_blue].all() and not same[~is_blue].any()
        assert np.isfinite(red).all()


def test_a_reference_is_part_of_the_job(two_colours, cohort, tmp_path):
    saved = tmp_path / "target.json"
    target = {"method": "macenko", "vectors": [[0.65, 0.70, 0.29], [0.27, 0.90, 0.34]],
              "max_concentrations": [1.8, 1.2]}
    saved.write_text(json.dumps(target))
    config = write_config(tmp_path, two_colours, **TILES, **FEATURES, sample={"fraction": 1.0},
                          stain={"normalise": "macenko", "reference": "target.json"})
    run(config, tmp_path / "run")
    assert json.loads((tmp_path / "run/run.json").read_text())["config"]["stain"]["target"] == target
    run(config, tmp_path / "run")  # there already
    target["max_concentrations"][0] = 2.0
    saved.write_text(json.dumps(target))
    done = run(config, tmp_path / "run", code=78)
    assert "/stain/target/max_concentrations/0: 1.8 -> 2.0" in done.stderr


def test_a_slide_and_its_calibration_are_the_same_reference(two_colours, tmp_path):
    config = write_config(tmp_path, two_colours, **TILES, **FEATURES, sample={"fraction": 1.0},
                          stain={"normalise": "macenko", "reference": two_colours[0]["path"]})
    run(config, tmp_path / "slide")
    means = tile_means(tmp_path / "slide")
    config = write_config(tmp_path, two_colours, **TILES, **FEATURES, sample={"fraction": 1.0})
    run(config, tmp_path / "plain")
    # The reference keeps its looks, the other takes them.
    expected = tile_means(tmp_path / "plain")[0]
    assert np.abs(means[0] - expected).mean() < 3
    assert np.abs(means[1] - expected).mean() < 6
    calibration = next(p for p in (tmp_path / "slide/scan").glob("*.json") if "dark" in p.name)
    run(config, tmp_path / "file", "--set", "/stain/normalise=macenko", "--set",
        f"/stain/reference={calibration}")


@pytest.mark.parametrize("stain,code,message", [
    ({"normalise": "macenko", "reference": "nowhere.svs"}, 66, "there is no file"),
    ({"normalise": "macenko", "reference": "reinhard.json"}, 78, "but the reference is of reinhard"),
    ({"normalise": "macenko", "reference": "broken.json"}, 78, "\"vectors\" is missing"),
    ({"normalise": "macenko", "target": {"method": "macenko", "vectors": [[1, 0, 0], [1, 0, 0]],
                                         "max_concentrations": [1, 1]}}, 78, "all but the same"),
    ({"normalise": "vahadane"}, 78, "none of none, macenko, reinhard"),
])
def test_a_wrong_reference_is_refused_with_the_remedy(cohort, tmp_path, stain, code, message):
    (tmp_path / "reinhard.json").write_text(
        '{"method": "reinhard", "mean": [0, 0, 0], "deviation": [1, 1, 1]}')
    (tmp_path / "broken.json").write_text('{"method": "macenko", "max_concentrations": [1, 1]}')
    config = write_config(tmp_path, cohort, **TILES, **FEATURES, stain=stain)
    done = run(config, tmp_path / "run", code=code)
    assert message in done.stderr
