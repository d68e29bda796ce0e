"""tilepool train and classify on made-up results, beside readers and formulas of our own."""
import csv
import json
import os
import re
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

from runs import (BINARY, ENVIRONMENT, cohort, differences, results, run, status, tilepool,
                  write_config)

PIPELINE = "0123456789abcdef0123456789abcdef"
FEATURES = ("area_um2", "od_mean", "perimeter_um", "texture")
SLIDES, TILES, CELLS = 6, 4, 60  # tiles of a slide, cells of a tile
OTHER_CLASS_EVERY = 10


def write_results(run_dir, pipeline=PIPELINE, features=FEATURES, tiles=TILES, seed=1):
    """A run directory with a results.h5 as docs/format.md has it, as far as cells need it. Every
    cell's truth hides in two of its features. Returns uid, slide, class and truth of each cell."""
    random = np.random.default_rng(seed)
    n_tiles = SLIDES * TILES
    n = n_tiles * CELLS
    slide = np.repeat(np.arange(SLIDES, dtype="u4"), TILES * CELLS)
    sample = np.repeat(np.arange(n_tiles, dtype="u8"), CELLS)
    truth = random.random(n) < 0.4
    columns = {
        "area_um2": 200 + 60 * truth + 25 * random.standard_normal(n),
        "od_mean": 0.5 + 0.1 * truth + 0.06 * random.standard_normal(n),
        "perimeter_um": 50 + 3 * random.standard_normal(n),
        "texture": random.random(n),
    }
    columns["od_mean"][random.random(n) < 0.05] = np.nan
    cell_class = (np.arange(n) % OTHER_CLASS_EVERY == 0).astype("u1")
    uid = random.integers(0, 2**64, n, dtype="u8")
    keep = sample % TILES < tiles  # fewer tiles: a smaller sample of the same pipeline
    n_tiles = SLIDES * tiles
    run_dir.mkdir(parents=True)
    with h5py.File(run_dir / "results.h5", "w") as file:
        for name, value in (("format", "tilepool-results"), ("format_version", "1.0"),
                            ("job_id", f"job{tiles}"), ("pipeline_id", pipeline), ("config", "{}")):
            file.attrs[name] = np.bytes_(value)
        file.attrs["complete"] = np.uint8(1)
        file["classes/name"] = np.array([b"mk", b"other"])
        rows = keep.sum() // SLIDES
        texts = {"id": [b"slide%d" % i for i in range(SLIDES)], "status": [b"success"] * SLIDES}
        for name in ("path", "group", "vendor", "reason", "fingerprint"):
            texts[name] = [b"x"] * SLIDES
        for name, values in texts.items():
            file[f"slides/{name}"] = np.array(values)
        for name, value in (("width", 9000), ("height", 9000), ("core_px", 512), ("n_pool", tiles),
                            ("n_sample", tiles), ("n_cells", rows)):
            file[f"slides/{name}"] = np.full(SLIDES, value, "i8")
        for name in ("mpp_x", "mpp_y"):
            file[f"slides/{name}"] = np.full(SLIDES, 0.25)
        file["pool/x"] = np.zeros(n_tiles, "i8")
        file["sample/pool"] = np.arange(n_tiles, dtype="u8")
        file["cells/sample"] = np.repeat(np.arange(n_tiles, dtype="u8"), CELLS)
        file["cells/slide"] = slide[keep]
        file["cells/class"] = cell_class[keep]
        file["cells/uid"] = uid[keep]
        file["cells/x"] = file["cells/y"] = np.zeros(keep.sum())
        file["cells/contour_begin"] = np.zeros(keep.sum() + 1, "u8")
        for name in features:
            column = file.create_dataset(f"cells/{name}", data=columns[name][keep].astype("f4"))
            column.attrs["unit"] = np.bytes_("1")
            column.attrs["description"] = np.bytes_("made up")
    return uid[keep], slide[keep], cell_class[keep], truth[keep]


def own_form(uids, words, annotator="anna", pipeline=PIPELINE, cell_class="mk"):
    return {"format": "tilepool-labels", "version": 1, "pipeline_id": pipeline,
            "class": cell_class, "annotator": annotator,
            "labels": {f"{uid:016x}": {"label": word, "time": "2026-01-02T03:04:05Z"}
                       for uid, word in zip(uids, words)}}


def words_of(truth):
    return ["yes" if one else "no" for one in truth]


def write(path, document):
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run and its cells, those of class mk labelled on tiles 0 and 1 of each slide."""
    folder = tmp_path_factory.mktemp("train")
    uid, slide, cell_class, truth = write_results(folder / "run")
    tile = (np.arange(len(uid)) // CELLS) % TILES
    chosen = (tile < 2) & (cell_class == 0) & (np.arange(len(uid)) % 2 == 0)
    write(folder / "labels.json", own_form(uid[chosen], words_of(truth[chosen])))
    return folder, uid, slide, cell_class, truth, chosen


def train(run_dir, labels, out, *arguments, code=0, **variables):
    environment = dict(ENVIRONMENT, **variables)
    done = subprocess.run([BINARY, "train", str(run_dir), "--labels", str(labels), "--class", "mk",
                           "--out", str(out), *arguments], capture_output=True, text=True,
                          timeout=120, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def tree_margin(tree, row):
    node = 0
    while tree["left_children"][node] >= 0:
        value = row[tree["split_indices"][node]]
        if np.isnan(value):
            left = tree["default_left"][node]
        else:
            left = value < np.float32(tree["split_conditions"][node])
        node = (tree["left_children"] if left else tree["right_children"])[node]
    return np.float32(tree["split_conditions"][node])


def predict(model, rows):
    """XGBoost's trees, walked by their JSON alone: docs/labels.md."""
    learner = model["booster"]["learner"]
    base = float(learner["learner_model_param"]["base_score"])
    trees = learner["gradient_booster"]["model"]["trees"]
    margin = np.array([sum(float(tree_margin(tree, row)) for tree in trees) for row in rows])
    return 1 / (1 + np.exp(-(margin + np.log(base / (1 - base)))))


def features_of(run, model):
    with h5py.File(run / "results.h5") as file:
        return np.stack([file[f"cells/{name}"][:] for name in model["features"]], axis=1)


@pytest.mark.parametrize("kind", ["boosting", "forest"])
def test_labels_to_scores(run_dir, tmp_path, kind):
    folder, uid, slide, cell_class, truth, chosen = run_dir
    done = train(folder / "run", folder / "labels.json", tmp_path / "m.json", "--kind", kind)
    assert "accuracy" in done.stdout and "95 % interval" in done.stdout
    model = json.loads((tmp_path / "m.json").read_text())
    assert (model["format"], model["version"], model["class"]) == ("tilepool-model", 1, "mk")
    assert model["pipeline_id"] == PIPELINE and model["features"] == sorted(FEATURES)
    assert model["labels"]["yes"] == truth[chosen].sum()
    assert model["labels"]["no"] == (~truth[chosen]).sum()
    assert model["metrics"]["folds"] == 5 and model["metrics"]["groups"] == SLIDES
    accuracy = model["metrics"]["accuracy"]
    assert 0.75 < accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    page = (tmp_path / "m.html").read_text()
    assert page.count("<svg") == 3 and "http" not in page.replace("http-equiv", "")

    done = tilepool("classify", folder / "run", "--model", tmp_path / "m.json", "--out",
                    tmp_path / "scores.h5", "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["slides"]
    with h5py.File(tmp_path / "scores.h5") as file:
        assert (file["cells/uid"][:] == uid).all()
        score, decision = file["cells/score"][:], file["cells/decision"][:]
        assert file.attrs["format"] == b"tilepool-scores" and file.attrs["threshold"] == 0.5
        assert file.attrs["pipeline_id"] == PIPELINE.encode()
    mine = cell_class == 0
    assert np.isnan(score[~mine]).all() and (decision[~mine] == 255).all()
    assert (decision[mine] == (score[mine] >= 0.5)).all()
    for i, row in enumerate(counts):
        assert row == {"id": f"slide{i}", "cells": int((mine & (slide == i)).sum()),
                       "yes": int((decision[slide == i] == 1).sum())}
    unseen = mine & ~chosen
    assert ((decision == 1) == truth)[unseen].mean() > 0.8
    some = np.flatnonzero(mine)[::7]
    expected = predict(model, features_of(folder / "run", model)[some])
    assert np.abs(expected - score[some]).max() < 1e-6


def test_metrics_are_those_of_the_folds(run_dir, tmp_path):
    """The confusion matrix gives the metrics again; docs/labels.md has the formulas."""
    folder, *_ = run_dir
    done = train(folder / "run", folder / "labels.json", tmp_path / "m.json", "--json")
    answer = json.loads(done.stdout)
    assert answer["model"] == str(tmp_path / "m.json")
    metrics = answer["metrics"]
    counts = metrics["confusion"]
    right = counts["true_yes"] + counts["true_no"]
    assert metrics["accuracy"]["value"] == pytest.approx(right / sum(counts.values()))
    precision = counts["true_yes"] / (counts["true_yes"] + counts["false_yes"])
    recall = counts["true_yes"] / (counts["true_yes"] + counts["false_no"])
    assert metrics["precision"]["value"] == pytest.approx(precision)
    assert metrics["recall"]["value"] == pytest.approx(recall)
    assert metrics["f1"]["value"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert 0.8 < metrics["auroc"]["value"] <= 1


def test_the_same_labels_give_the_same_model(run_dir, tmp_path):
    folder, uid, *_ = run_dir
    models = []
    # glibc then takes the routines of an older processor for exp and its like: another machine.
    older = "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-FMA,-FMA4,-SSE4_2"
    for i, variables in enumerate(({}, {"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "2"},
                                   {"GLIBC_TUNABLES": older})):
        train(folder / "run", folder / "labels.json", tmp_path / f"{i}.json", **variables)
        models.append((tmp_path / f"{i}.json").read_bytes())
    assert models == models[:1] * len(models)
    # The order of the file's labels tells nothing either, but for its hash.
    document = json.loads((folder / "labels.json").read_text())
    document["labels"] = dict(reversed(document["labels"].items()))
    train(folder / "run", write(tmp_path / "labels.json", document), tmp_path / "backwards.json")
    documents = [json.loads(text) for text in (models[0], (tmp_path / "backwards.json").read_text())]
    hashes = {one["labels"]["files"][0].pop("hash") for one in documents}
    assert documents[0] == documents[1] and len(hashes) == 2
    # And in a run with a smaller sample, which has these cells at other rows.
    write_results(tmp_path / "small", tiles=2)
    train(tmp_path / "small", folder / "labels.json", tmp_path / "small.json")
    small, whole = (json.loads(text) for text in ((tmp_path / "small.json").read_text(), models[0]))
    assert small["booster"] == whole["booster"] and small["job_id"] != whole["job_id"]


def test_a_threshold_for_counts(run_dir, tmp_path):
    """As many labels are called yes as are yes; with few yes 0.5 calls too many."""
    folder, uid, _, _, truth, chosen = run_dir
    rare = chosen & (~truth | (np.arange(len(uid)) % 3 == 0))
    labels = write(tmp_path / "labels.json", own_form(uid[rare], words_of(truth[rare])))
    errors = {}
    for threshold in ("0.5", "counts"):
        out = tmp_path / f"{threshold}.json"
        done = train(folder / "run", labels, out, "--threshold", threshold, "--accept-below-gate")
        model = json.loads(out.read_text())
        counts = model["metrics"]["confusion"]
        assert counts["true_yes"] + counts["false_no"] == (truth & rare).sum()
        errors[threshold] = counts["false_yes"] - counts["false_no"]
        assert ("as many are called yes as are" in done.stdout) == (threshold == "counts")
    assert errors["counts"] == 0 < errors["0.5"]
    assert 0.5 < model["threshold"] < 1
    tilepool("classify", folder / "run", "--model", out, "--out", tmp_path / "scores.h5")
    with h5py.File(tmp_path / "scores.h5") as file:
        score, decision = file["cells/score"][:], file["cells/decision"][:]
        assert file.attrs["threshold"] == model["threshold"]
    mine = ~np.isnan(score)
    assert ((decision == 1) == (score >= model["threshold"]))[mine].all()
    for wrong in ("count", "1.5", "nan", "0,5", ""):
        train(folder / "run", labels, tmp_path / "m.json", "--threshold", wrong, code=64)


def test_an_accuracy_that_says_nothing_is_told(run_dir, tmp_path):
    """One of seven yes at random: no is right on six of seven, and the model no better."""
    folder, uid, _, _, _, chosen = run_dir
    guess = np.random.default_rng(3).random(chosen.sum()) < 1 / 7
    labels = write(tmp_path / "labels.json", own_form(uid[chosen], words_of(guess)))
    done = train(folder / "run", labels, tmp_path / "m.json", "--accept-below-gate")
    said = f"no better than the same answer for every cell, which is right on {1 - guess.mean():.3f}"
    assert said in done.stderr and said in (tmp_path / "m.html").read_text()
    done = train(folder / "run", folder / "labels.json", tmp_path / "m.json")
    assert "no better" not in done.stderr + (tmp_path / "m.html").read_text()


def test_the_older_forms_say_the_same(run_dir, tmp_path):
    folder, uid, _, _, truth, chosen = run_dir
    train(folder / "run", folder / "labels.json", tmp_path / "own.json")
    own = json.loads((tmp_path / "own.json").read_text())["booster"]
    yes, no = uid[chosen & truth], uid[chosen & ~truth]
    lists = {"positive": [int(one) for one in yes], "negative": [str(one) for one in no],
             "unsure": []}
    words = {"annotations": {f"{one:016x}": "yes" for one in yes}
             | {str(one): "no" for one in no if one >= 10**16}
             | {f"{one:016x}": "no" for one in no if one < 10**16}}
    for name, document in (("lists", lists), ("words", words)):
        done = train(folder / "run", write(tmp_path / f"{name}-labels.json", document),
                     tmp_path / f"{name}.json")
        assert "does not say of which pipeline" in done.stderr
        assert json.loads((tmp_path / f"{name}.json").read_text())["booster"] == own


def test_labels_that_do_not_fit_are_refused_with_counts(run_dir, tmp_path):
    folder, uid, _, cell_class, truth, chosen = run_dir
    words = words_of(truth[chosen])
    files = {
        "pipeline": own_form(uid[chosen], words, pipeline="other"),
        "class": own_form(uid[chosen], words, cell_class="nucleus"),
        "unknown": own_form([*uid[chosen], 1, 2, 3], [*words, "yes", "no", "unsure"]),
        "cells": own_form(uid[cell_class == 1][:7], ["yes"] * 7),
    }
    names = ",".join(str(write(tmp_path / f"{name}.json", document))
                     for name, document in files.items())
    done = train(folder / "run", names, tmp_path / "m.json", code=78)
    n = chosen.sum()
    assert f"pipeline.json: its {n} labels are of pipeline other" in done.stderr
    assert f'class.json: its {n} labels are of class "nucleus"' in done.stderr
    assert f"unknown.json: 3 of {n + 3} labels name cells" in done.stderr
    assert "0000000000000001" in done.stderr
    assert "cells.json: 7 of 7 labels are on cells of another class" in done.stderr
    assert not (tmp_path / "m.json").exists() and not (tmp_path / "m.html").exists()


def test_labels_that_do_not_suffice(run_dir, tmp_path):
    folder, uid, slide, cell_class, truth, chosen = run_dir
    run = folder / "run"
    out = tmp_path / "m.json"
    few = np.flatnonzero(chosen)[:30]
    done = train(run, write(tmp_path / "few.json", own_form(uid[few], words_of(truth[few]))), out,
                 code=78)
    assert f"{truth[few].sum()} cells are labelled yes" in done.stderr and "20" in done.stderr
    some = uid[chosen & truth]
    done = train(run, write(tmp_path / "one.json", own_form(some, ["yes"] * len(some))), out,
                 code=78)
    assert "0 no" in done.stderr
    one = (slide == 0) & (cell_class == 0)
    labels = write(tmp_path / "slide.json", own_form(uid[one], words_of(truth[one])))
    done = train(run, labels, out, code=78)
    assert "yes is on 1 slide and no on 1 slide" in done.stderr
    assert "--group-by tile" in done.stderr
    done = train(run, labels, out, "--group-by", "tile")
    assert "parted by tile" in done.stderr
    assert json.loads(out.read_text())["metrics"]["grouping"] == "tile"


def test_below_the_gates(run_dir, tmp_path):
    folder, uid, _, _, _, chosen = run_dir
    guess = np.random.default_rng(5).random(chosen.sum()) < 0.5
    labels = write(tmp_path / "guess.json", own_form(uid[chosen], words_of(guess)))
    out = tmp_path / "m.json"
    done = train(folder / "run", labels, out, code=3)
    assert "accuracy" in done.stderr and "is below 0.75" in done.stderr
    assert "--accept-below-gate" in done.stderr
    assert not out.exists() and "below the gates" in (tmp_path / "m.html").read_text()
    train(folder / "run", labels, out, "--accept-below-gate")
    assert json.loads(out.read_text())["metrics"]["missed_gates"]


def kappa(first, second):
    values = ("yes", "no", "unsure")
    observed = np.mean([a == b for a, b in zip(first, second)])
    expected = sum(first.count(v) * second.count(v) for v in values) / len(first) ** 2
    return (observed - expected) / (1 - expected)


def test_two_annotators(run_dir, tmp_path):
    folder, uid, _, _, truth, chosen = run_dir
    cells = np.flatnonzero(chosen)
    first = words_of(truth[cells])
    second = list(first)
    for i in range(0, 20):
        second[i] = {"yes": "no", "no": "yes"}[first[i]]
    for i in range(20, 30):
        second[i] = "unsure"
    labels = [write(tmp_path / "a.json", own_form(uid[cells], first, "anna")),
              write(tmp_path / "b.json", own_form(uid[cells], second, "ben"))]
    done = train(folder / "run", ",".join(map(str, labels)), tmp_path / "m.json", "--json")
    answer = json.loads(done.stdout)["labels"]
    assert answer["tied"] == 20 and answer["unsure"] == 0
    assert answer["yes"] + answer["no"] == len(cells) - 20
    (pair,) = answer["agreement"]
    assert (pair["both"], pair["equal"]) == (len(cells), len(cells) - 30)
    assert pair["kappa"] == pytest.approx(kappa(first, second), abs=1e-12)
    page = (tmp_path / "m.html").read_text()
    for i in range(30):
        assert f"{uid[cells[i]]:016x}" in page
    # Files of the older forms are told apart by their names, and by their folders.
    twins = [tmp_path / "x/labels.json", tmp_path / "y/labels.json"]
    for path, words in zip(twins, (first, second)):
        path.parent.mkdir()
        write(path, {"annotations": {f"{uid[i]:016x}": word for i, word in zip(cells, words)}})
    done = train(folder / "run", ",".join(map(str, twins)), tmp_path / "m.json", "--json")
    (again,) = json.loads(done.stdout)["labels"]["agreement"]
    assert (again["first"], again["second"]) == tuple(map(str, twins))
    assert again["kappa"] == pair["kappa"]
    # An older file of the same person is no second opinion.
    write(tmp_path / "b.json", own_form(uid[cells], second, "anna"))
    done = train(folder / "run", ",".join(map(str, labels)), tmp_path / "m.json", code=78)
    assert "30 labels differ" in done.stderr


def test_models_that_do_not_fit(run_dir, tmp_path):
    folder, *_ = run_dir
    model = tmp_path / "m.json"
    train(folder / "run", folder / "labels.json", model)
    write_results(tmp_path / "fewer", features=FEATURES[:3])
    done = tilepool("classify", tmp_path / "fewer", "--model", model)
    assert done.returncode == 78 and "only the model has: texture" in done.stderr
    write_results(tmp_path / "other", pipeline="other")
    done = tilepool("classify", tmp_path / "other", "--model", model)
    assert done.returncode == 78 and "this run of other" in done.stderr
    assert not (tmp_path / "other/classified").exists()
    done = tilepool("classify", tmp_path / "other", "--model", model, "--any-pipeline")
    assert done.returncode == 0 and "all slides" in done.stdout, done.stderr
    assert (tmp_path / "other/classified/mk.h5").is_file()
    assert sorted(os.listdir(tmp_path / "other/classified")) == ["mk.h5"]

    document = json.loads(model.read_text())
    document["booster"]["learner"]["gradient_booster"]["model"]["trees"][0]["split_conditions"][0] = 7
    damaged = write(tmp_path / "damaged.json", document)
    done = tilepool("classify", folder / "run", "--model", damaged)
    assert done.returncode == 78 and "changed or damaged" in done.stderr
    (tmp_path / "text.json").write_text("no json")
    assert tilepool("classify", folder / "run", "--model", tmp_path / "text.json").returncode == 78
    assert tilepool("classify", folder / "run", "--model", tmp_path / "none.json").returncode == 66


def test_wrong_calls(run_dir, tmp_path):
    folder, *_ = run_dir
    labels = folder / "labels.json"
    out = tmp_path / "m.json"
    train(tmp_path / "no-run", labels, out, code=66)
    train(folder / "run", tmp_path / "none.json", out, code=66)
    train(folder / "run", f"{labels},", out, code=64)
    train(folder / "run", labels, out, "--kind", "svm", code=64)
    train(folder / "run", labels, out, "--group-by", "cohort", code=64)
    train(folder / "run", labels, tmp_path / "m.html", code=64)
    done = tilepool("train", folder / "run", "--labels", labels, "--class", "mkk", "--out", out)
    assert done.returncode == 64 and "did you mean mk?" in done.stderr
    (tmp_path / "bad.json").write_text('{"positive": [1.5, "x"], "negative": ["1"]}')
    done = train(folder / "run", tmp_path / "bad.json", out, code=78)
    assert "1.5" in done.stderr and "neither 16 hex digits nor decimal" in done.stderr


def test_labels_of_a_small_sample_hold_in_the_whole_run(cohort, tmp_path):
    """Cells of a true run, labelled by their size."""
    config = write_config(tmp_path, cohort, tiles={"size_px": 512, "halo_px": 64},
                          task={"kind": "segment", "classes": [{"name": "nucleus"}]})
    for name, fraction in (("part", 0.4), ("whole", 1)):
        run(config, tmp_path / name, "--set", f"/sample/fraction={fraction}")
    with results(tmp_path / "part") as file:
        uid, area = file["cells/uid"][:], file["cells/area_um2"][:]
        pipeline = file.attrs["pipeline_id"].decode()
    labels = write(tmp_path / "labels.json",
                   own_form(uid, words_of(area > np.median(area)), pipeline=pipeline,
                            cell_class="nucleus"))
    boosters = []
    for name in ("part", "whole"):
        done = tilepool("train", tmp_path / name, "--labels", labels, "--class", "nucleus", "--out",
                        tmp_path / f"{name}.json")
        assert done.returncode == 0, done.stderr
        boosters.append(json.loads((tmp_path / f"{name}.json").read_text())["booster"])
    assert boosters[0] == boosters[1]
    done = tilepool("classify", tmp_path / "whole", "--model", tmp_path / "part.json")
    assert done.returncode == 0, done.stderr
    with results(tmp_path / "whole") as file, \
            h5py.File(tmp_path / "whole/classified/nucleus.h5") as scores:
        assert (scores["cells/uid"][:] == file["cells/uid"][:]).all()
        big = file["cells/area_um2"][:] > np.median(area)
        assert len(big) > 2 * len(uid)
        assert ((scores["cells/decision"][:] == 1) == big).mean() > 0.98
        assert scores["slides/n_cells"][:].sum() == len(big)


def test_a_classifier_in_the_configuration(cohort, tmp_path):
    """Learnt on a part, applied by the run that grows to the whole: no tile is computed again, and
    the scores are those of `tilepool classify`."""
    def config(classifier=None, **sections):
        return write_config(tmp_path, cohort, tiles={"size_px": 512, "halo_px": 64},
                            task={"kind": "segment", "classes": [
                                {"name": "nucleus", "classifier": classifier}]}, **sections)

    run(config(sample={"fraction": 0.4}), tmp_path / "run")
    done_before = {path.name for path in (tmp_path / "run/ranges").iterdir()}
    with results(tmp_path / "run") as file:
        uid, area = file["cells/uid"][:], file["cells/area_um2"][:]
        pipeline = file.attrs["pipeline_id"].decode()
        part = len(file["sample/pool"])
    labels = write(tmp_path / "labels.json",
                   own_form(uid, words_of(area > np.median(area)), pipeline=pipeline,
                            cell_class="nucleus"))
    done = tilepool("train", tmp_path / "run", "--labels", labels, "--class", "nucleus", "--out",
                    tmp_path / "nucleus.json")
    assert done.returncode == 0, done.stderr

    whole = config("nucleus.json", sample={"fraction": 1.0})
    run(whole, tmp_path / "run")
    report = status(tmp_path / "run")
    assert report["tiles_resumed"] == part and report["exit_code"] == 0
    new = [path for path in (tmp_path / "run/ranges").iterdir() if path.name not in done_before]
    assert new
    with results(tmp_path / "run") as file:
        assert file.attrs["pipeline_id"].decode() == pipeline
        mine, decision = file["cells/score"][:], file["cells/decision"][:]
        assert ((file["cells/area_um2"][:] > np.median(area)) == (decision == 1)).mean() > 0.98
        assert np.array_equal(decision, (mine >= 0.5).astype("u1"))
        (named,) = json.loads(file.attrs["classifiers"])
        assert named["class"] == "nucleus" and named["threshold"] == 0.5
    done = tilepool("classify", tmp_path / "run", "--model", tmp_path / "nucleus.json", "--out",
                    tmp_path / "by-hand.h5")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "by-hand.h5") as scores:
        assert np.array_equal(scores["cells/score"][:], mine, equal_nan=True)
        assert np.array_equal(scores["cells/decision"][:], decision)

    # Two workers and a fresh run give the same file, a repeat does nothing.
    run(whole, tmp_path / "fresh", ranks=3)
    assert differences(tmp_path / "run", tmp_path / "fresh") == ""
    written = os.stat(tmp_path / "run/results.h5").st_mtime_ns
    run(whole, tmp_path / "run")
    assert os.stat(tmp_path / "run/results.h5").st_mtime_ns == written

    # Another model, and none: packed again, computed never.
    document = json.loads((tmp_path / "nucleus.json").read_text())
    write(tmp_path / "strict.json", dict(document, threshold=0.9))
    ranges = sorted(path.name for path in (tmp_path / "run/ranges").iterdir())
    run(config("strict.json", sample={"fraction": 1.0}), tmp_path / "run")
    with results(tmp_path / "run") as file:
        assert np.array_equal(file["cells/score"][:], mine)
        assert np.array_equal(file["cells/decision"][:], (mine >= 0.9).astype("u1"))
    run(config(sample={"fraction": 1.0}), tmp_path / "run")
    with results(tmp_path / "run") as file:
        assert "score" not in file["cells"] and "classifiers" not in file.attrs
    assert ranges == sorted(path.name for path in (tmp_path / "run/ranges").iterdir())

    # What does not fit is told before a tile is computed.
    write(tmp_path / "other.json", dict(document, **{"class": "mk"}))
    done = run(config("other.json"), tmp_path / "refused", code=78)
    assert 'which is of class "mk"' in done.stderr
    done = run(config("none.json"), tmp_path / "refused", code=66)
    assert "none.json" in done.stderr
    write(tmp_path / "foreign.json", dict(document, pipeline_id="0" * 32))
    done = run(config("foreign.json"), tmp_path / "refused", code=78)
    assert "of pipeline 0000" in done.stderr
    assert not any((tmp_path / "refused/ranges").glob("*.h5"))


def nucleus_at(truth_csv, x, y):
    """Of each place, the row of the synthetic nucleus that it lies in, else -1."""
    with open(truth_csv, newline="") as file:
        rows = [[float(row[name]) for name in ("x", "y", "semi_major", "semi_minor", "angle")]
                for row in csv.DictReader(file)]
    cx, cy, major, minor, angle = np.array(rows).T
    dx, dy = x[:, None] - cx, y[:, None] - cy
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    inside = ((dx * cos + dy * sin) / major) ** 2 + ((dy * cos - dx * sin) / minor) ** 2 < 1
    return np.where(inside.any(1), inside.argmax(1), -1), len(rows)


def test_the_loop_closed_on_known_nuclei(cohort, tmp_path):
    """Detection that takes specks for nuclei, a tenth of the tiles labelled from the truth: the
    whole run counts right with the classifier and wrong without it. tests/truth does the same on
    real fields."""
    def config(classifier=None, **sections):
        return write_config(
            tmp_path, cohort, tiles={"size_px": 256, "halo_px": 64},
            task={"kind": "segment", "local_weight": 1.0, "opening_um": 0.25, "trim_um": 0.25,
                  "stained_od": 0.1, "classes": [
                      {"name": "nucleus", "min_area_um2": 2, "classifier": classifier}]}, **sections)

    def cells():
        """uid, whether the cell is a nucleus, and the true number of nuclei."""
        with results(tmp_path / "run") as file:
            slide, x, y = (file[f"cells/{name}"][:] for name in ("slide", "x", "y"))
            ids = [name.decode().rstrip("\0") for name in file["slides/id"][:]]
            uid, pipeline = file["cells/uid"][:], file.attrs["pipeline_id"].decode()
        real, n_true = np.zeros(len(uid), bool), 0
        for row, name in enumerate(ids):
            mine = slide == row
            nucleus, n = nucleus_at(cohort[0].parent / f"{name}.truth.csv", x[mine], y[mine])
            real[mine] = nucleus >= 0
            n_true += n
        return uid, real, n_true, pipeline

    run(config(sample={"fraction": 0.1}), tmp_path / "run")
    uid, real, _, pipeline = cells()
    labels = write(tmp_path / "labels.json",
                   own_form(uid, words_of(real), pipeline=pipeline, cell_class="nucleus"))
    done = tilepool("train", tmp_path / "run", "--labels", labels, "--class", "nucleus", "--out",
                    tmp_path / "nucleus.json", "--threshold", "counts")
    assert done.returncode == 0, done.stderr
    accuracy = json.loads((tmp_path / "nucleus.json").read_text())["metrics"]["accuracy"]["value"]
    assert f">{accuracy:.3f}<" in (tmp_path / "nucleus.html").read_text()

    run(config("nucleus.json", sample={"fraction": 1.0}), tmp_path / "run")
    whole, real, n_true, _ = cells()
    with results(tmp_path / "run") as scores:
        yes = scores["cells/decision"][:] == 1
    unseen = ~np.isin(whole, uid)
    assert unseen.sum() > 5 * len(uid)
    assert (yes == real)[unseen].mean() > 0.95
    assert abs(len(whole) / n_true - 1) > 0.2 and abs(yes.sum() / n_true - 1) < 0.05
    told = re.findall(r'<table class="decisions">.*?</table>',
                      (tmp_path / "run/report.html").read_text(), re.DOTALL)
    assert len(told) == 1
    assert re.findall(r'data-v="(\d+)"', told[0]) == [str(len(yes)), str(yes.sum())]
