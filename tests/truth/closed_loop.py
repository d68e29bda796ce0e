#!/usr/bin/python3
"""The loop closed on data with truth: sample, label, train, run everything, count.

usage: closed_loop.py [--binary build/release/bin/tilepool] [--data DIR] [--out DIR] [--errors 0.03]
                      [NAME ...]

Fields whose every nucleus is outlined become slides (fields.py). For each experiment (NAME: ki67,
monuseg; default both) an annotator that knows the truth, errs on --errors of the cells and is
unsure on 3 % labels the cells of a 10 % run; `tilepool train` learns from that file, with both of
its thresholds; the same run grows to 100 % with the model (--threshold counts) as its classifier.
Questions: does cross-validation tell the truth about slides that were not labelled (each slide in
turn left out of the labels, and the model judged on all cells of it)? Are the counts of the 100 %
run nearer to the truth with the classifier than without? Do the same labels give the same model on
another number of threads, one core, with the file turned round and without the instructions of a
newer processor?

Writes NAME/figures.json and figures.md into --out (build/closed-loop) and prints the latter. Ends
with exit 1 where a model differs, where the page shows another accuracy than the model file, or
where the count with the classifier is not nearer to the truth; 77 where the data are not there.
The last result is in docs/labels.md.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

import h5py
import numpy as np

import fields

ROOT = pathlib.Path(__file__).resolve().parents[2]
MPP_UM = 0.25  # MoNuSeg: 40x by its authors; taken for the Ki67 fields, which do not tell
UNSURE, SEED = 0.03, 20261122
THRESHOLDS = ("0.5", "counts")  # of tilepool train
ENVIRONMENT = dict(os.environ, NO_COLOR="1")


@dataclasses.dataclass
class Experiment:
    wanted: str  # what the label yes says of a cell
    read: Callable
    copies: int  # of each field on its slide
    task: dict


EXPERIMENTS = {
    # As configs/ki67.jsonc. 16 copies: a tenth of 47 positive nuclei is nothing to learn from.
    "ki67": Experiment("a positive nucleus", fields.ki67, 16, {
        "kind": "segment", "modality": "brightfield", "stain": "he", "local_weight": 0.95,
        "stained_od": 0.05,
        "classes": [{"name": "nucleus", "min_area_um2": 10, "max_area_um2": 400}]}),
    # Finds more than the defaults do, and more that is none: the classifier is to tell them apart.
    "monuseg": Experiment("a nucleus", fields.monuseg, 1, {
        "kind": "segment", "modality": "brightfield", "opening_um": 0.5, "trim_um": 0.5,
        "classes": [{"name": "nucleus", "min_area_um2": 6, "max_area_um2": 400}]}),
}


class Loop:
    """One experiment's folder: configuration, run directory, labels, models."""

    def __init__(self, experiment, slides, folder, binary):
        self.experiment, self.slides, self.folder, self.binary = experiment, slides, folder, binary
        self.run_dir = folder / "run"

    def tilepool(self, *arguments, environment=None, prefix=()):
        done = subprocess.run([*prefix, self.binary, *map(str, arguments)], capture_output=True,
                              text=True, env=environment or ENVIRONMENT)
        if done.returncode != 0:
            sys.exit(f"tilepool {arguments[0]}: exit {done.returncode}\n{done.stderr[-3000:]}")
        return done

    def run(self, fraction, classifier=None):
        """`tilepool run` of the sample `fraction`; a second call grows the first."""
        task = json.loads(json.dumps(self.experiment.task))
        task["classes"][0]["classifier"] = classifier
        config = {"slides": [str(slide.path) for slide in self.slides],
                  "tiles": {"size_px": 256, "halo_px": 64}, "tissue": {"min_fraction": 0.05},
                  "sample": {"fraction": fraction}, "task": task}
        path = self.folder / "config.json"
        path.write_text(json.dumps(config, indent=2))
        self.tilepool("run", path, "--run-dir", self.run_dir, "--quiet")

    def train(self, labels, model, threshold=THRESHOLDS[-1], **how):
        self.tilepool("train", self.run_dir, "--labels", labels, "--class", "nucleus", "--out",
                      model, "--threshold", threshold, "--accept-below-gate", "--quiet", **how)
        return json.loads(model.read_text())

    def classify(self, model):
        """Of each cell of the run, whether the model says yes."""
        scores = model.with_suffix(".h5")
        self.tilepool("classify", self.run_dir, "--model", model, "--out", scores, "--quiet")
        return decisions(scores)

    def cells(self):
        """Of each cell of the run: uid, row in `slides`, and the truth."""
        with h5py.File(self.run_dir / "results.h5") as file:
            assert file.attrs["complete"] == 1
            ids = [name.decode().rstrip("\0") for name in file["slides/id"][:]]
            rows = np.array([[s.name for s in self.slides].index(name) for name in ids])
            slide = rows[file["cells/slide"][:]]
            x, y, uid = (file[f"cells/{name}"][:] for name in ("x", "y", "uid"))
            return Cells(uid, slide, *truth_of(self.slides, slide, x, y),
                         file.attrs["pipeline_id"].decode())


@dataclasses.dataclass
class Cells:
    uid: np.ndarray
    slide: np.ndarray
    nucleus: np.ndarray  # the one that the cell's centroid lies in, 0 for none
    wanted: np.ndarray  # that nucleus is what is asked for
    pipeline_id: str


def truth_of(slides, slide, x, y):
    nucleus, wanted = np.zeros(len(x), np.int32), np.zeros(len(x), bool)
    for row, one in enumerate(slides):
        mine = np.flatnonzero(slide == row)
        nucleus[mine] = one.nuclei[np.floor(y[mine]).astype(int), np.floor(x[mine]).astype(int)]
        hit = mine[nucleus[mine] > 0]
        wanted[hit] = one.positive[nucleus[hit] - 1]
    return nucleus, wanted


def annotate(cells, background_is_no, errors):
    """What the annotator says of each cell: yes, no or unsure. A cell on no nucleus is a clear no
    when nuclei are asked for; whether it is positive cannot be said."""
    chance = np.random.default_rng(SEED)
    errs, unsure = (chance.random(len(cells.uid)) < share for share in (errors, UNSURE))
    if not background_is_no:
        unsure |= cells.nucleus == 0
    yes = cells.wanted ^ errs
    return np.where(unsure, "unsure", np.where(yes, "yes", "no"))


def write_labels(path, cells, words, chosen, order=1):
    path.write_text(json.dumps({
        "format": "tilepool-labels", "version": 1, "pipeline_id": cells.pipeline_id,
        "class": "nucleus", "annotator": "simulated",
        "labels": {f"{cells.uid[i]:016x}": {"label": str(words[i])}
                   for i in np.flatnonzero(chosen)[::order]}}))
    return path


def quality(decided, truth):
    """Of decisions (bool) against the truth (bool)."""
    right = (decided & truth).sum()
    return {"cells": len(truth), "wanted": int(truth.sum()),
            "accuracy": float((decided == truth).mean()),
            "always_the_same": float(max(truth.mean(), 1 - truth.mean())),
            "precision": float(right / max(decided.sum(), 1)),
            "recall": float(right / max(truth.sum(), 1))}


def decisions(path):
    with h5py.File(path) as file:
        return file["cells/decision"][:] == 1


def held_out(loop, labelled, words, cells, threshold):
    """Decisions on each slide by a model that was trained without that slide's labels."""
    decided = np.zeros(len(cells.uid), bool)
    for row, slide in enumerate(loop.slides):
        labels = write_labels(loop.folder / f"without-{slide.name}-labels.json", labelled, words,
                              labelled.slide != row)
        model = loop.folder / f"without-{slide.name}.json"
        loop.train(labels, model, threshold)
        decided[cells.slide == row] = loop.classify(model)[cells.slide == row]
    return decided


def quality_by_slide(loop, cells, decided, judged):
    """Of all slides together first."""
    of_slides = {slide.name: quality(decided[judged & (cells.slide == row)],
                                     cells.wanted[judged & (cells.slide == row)])
                 for row, slide in enumerate(loop.slides)}
    return {"all": quality(decided[judged], cells.wanted[judged]), **of_slides}


def counts(loop, cells, chosen):
    """Cells that count as wanted beside the truth, of each slide and of all (the last row)."""
    rows = []
    for row, slide in enumerate(loop.slides):
        mine = chosen & (cells.slide == row)
        found = np.unique(cells.nucleus[mine & cells.wanted])
        rows.append({"slide": slide.name, "truth": int(slide.positive.sum()),
                     "counted": int(mine.sum()), "right": int((mine & cells.wanted).sum()),
                     "found": len(found),
                     "on_no_nucleus": int((mine & (cells.nucleus == 0)).sum())})
    rows.append({"slide": "all", **{key: sum(one[key] for one in rows) for key in
                                    ("truth", "counted", "right", "found", "on_no_nucleus")}})
    for one in rows:
        one["error"] = one["counted"] / one["truth"] - 1
        one["precision"] = one["right"] / max(one["counted"], 1)
        one["recall"] = one["found"] / one["truth"]
    return rows


def same_models(loop, labels, labelled, words):
    """Ways to train that must not matter: name -> 'equal' or what differs."""
    first = loop.folder / "model.json"
    ways = {"1 thread": {"environment": dict(ENVIRONMENT, OMP_NUM_THREADS="1")},
            "2 threads": {"environment": dict(ENVIRONMENT, OMP_NUM_THREADS="2")},
            "8 threads": {"environment": dict(ENVIRONMENT, OMP_NUM_THREADS="8")},
            "one core": {"prefix": ("taskset", "-c", "0")},
            # The C library and libm then take their oldest routines, as on another processor.
            "an older processor": {"environment": dict(
                ENVIRONMENT, GLIBC_TUNABLES="glibc.cpu.hwcaps="
                "-AVX512F,-AVX2,-AVX,-FMA,-FMA4,-SSE4_2")}}
    told = {}
    for way, how in ways.items():
        again = loop.folder / "again.json"
        loop.train(labels, again, **how)
        told[way] = "equal" if again.read_bytes() == first.read_bytes() else "DIFFERENT"
    backwards = write_labels(loop.folder / "backwards-labels.json", labelled, words,
                             np.ones(len(words), bool), order=-1)
    one, other = json.loads(first.read_text()), loop.train(backwards, loop.folder / "again.json")
    for document in (one, other):  # where it tells the labels' file: its name and hash
        document["labels"].pop("files")
    told["file backwards"] = "equal" if one == other else "DIFFERENT"
    return told


def page_figures(page):
    """The head of train's page: its largest figures."""
    return re.search(r'(?s)class="figures">(.*?)</dl>', page).group(1)


def judged_by_threshold(loop, labels, labelled, words, cells, nuclei_asked):
    """By each threshold: cross-validation, truth, and counts of the whole run."""
    judged = np.ones(len(cells.uid), bool) if nuclei_asked else cells.nucleus > 0
    unseen = judged & ~np.isin(cells.uid, labelled.uid)
    for threshold in THRESHOLDS:
        path = loop.folder / f"model-{threshold}.json"
        model = loop.train(labels, path, threshold)
        decided = loop.classify(path)
        alone = held_out(loop, labelled, words, cells, threshold)
        shown = f"{model['metrics']['accuracy']['value']:.3f}"
        yield threshold, {
            "threshold": model["threshold"], "cross_validation": model["metrics"],
            "page_shows": shown in page_figures(path.with_suffix(".html").read_text()),
            "held_out": quality_by_slide(loop, cells, alone, judged),
            "cells_not_labelled": quality(decided[unseen], cells.wanted[unseen]),
            "counts": counts(loop, cells, decided), "counts_held_out": counts(loop, cells, alone)}


def closed(name, experiment, args):
    """One experiment; its figures, or None without data."""
    folder = args.out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    slides = [fields.write_slide(folder, field, experiment.copies, MPP_UM)
              for field in experiment.read(args.data)]
    if not slides:
        return None
    loop = Loop(experiment, slides, folder, args.binary)
    loop.run(0.1)
    labelled = loop.cells()
    nuclei_asked = all(slide.positive.all() for slide in slides)
    words = annotate(labelled, nuclei_asked, args.errors)
    labels = write_labels(folder / "labels.json", labelled, words, np.ones(len(words), bool))
    loop.train(labels, folder / "model.json")
    same = same_models(loop, labels, labelled, words)

    loop.run(1.0, classifier="model.json")
    cells = loop.cells()
    assert np.isin(labelled.uid, cells.uid).all(), "cells of the sample are not in the whole run"
    models = dict(judged_by_threshold(loop, labels, labelled, words, cells, nuclei_asked))
    in_run = counts(loop, cells, decisions(loop.run_dir / "results.h5"))
    assert in_run == models[THRESHOLDS[-1]]["counts"], "the run classifies otherwise than classify"
    return {"wanted": experiment.wanted, "task": experiment.task, "copies": experiment.copies,
            "labels": {word: int((words == word).sum()) for word in ("yes", "no", "unsure")},
            "same_model": same, "models": models,
            "counts_without": counts(loop, cells, np.ones(len(cells.uid), bool))}


def accuracy_rows(figures):
    for threshold, one in figures["models"].items():
        cross, by = one["cross_validation"], f"at {threshold}"
        matrix = cross["confusion"]
        n, yes = sum(matrix.values()), matrix["true_yes"] + matrix["false_no"]
        yield (f"{by}: labels, cross-validated by slide (train's page)", n,
               "{value:.3f} ({low:.3f} to {high:.3f})".format(**cross["accuracy"]),
               max(yes, n - yes) / n, cross["precision"]["value"], cross["recall"]["value"])
        for slide, row in one["held_out"].items():
            what = "truth, every cell of slides left out of the labels" if slide == "all" else slide
            yield (f"{by}: {what}", row["cells"], f"{row['accuracy']:.3f}", row["always_the_same"],
                   row["precision"], row["recall"])
        row = one["cells_not_labelled"]
        yield (f"{by}: truth, cells that were not labelled", row["cells"], f"{row['accuracy']:.3f}",
               row["always_the_same"], row["precision"], row["recall"])


def markdown(name, figures):
    """The experiment's figures as tables."""
    lines = [f"### {name}: is it {figures['wanted']}?", "",
             "Labels: {yes} yes, {no} no, {unsure} unsure.".format(**figures["labels"]), "",
             "| judged on | cells | accuracy | the same answer always | precision | recall |",
             "|---|---|---|---|---|---|"]
    lines += ["| {} | {} | {} | {:.3f} | {:.3f} | {:.3f} |".format(*row)
              for row in accuracy_rows(figures)]
    ways = {"without": figures["counts_without"]}
    for threshold, one in figures["models"].items():
        ways |= {f"at {threshold}": one["counts"], f"at {threshold}, slide left out":
                 one["counts_held_out"]}
    lines += ["", "Counted (error; precision, recall; of them on no outlined nucleus):", "",
              "| slide | truth | " + " | ".join(ways) + " |", "|---|---|" + "---|" * len(ways)]
    for rows in zip(*ways.values()):
        lines.append(f"| {rows[0]['slide']} | {rows[0]['truth']} | " + " | ".join(
            "{counted} ({error:+.1%}; {precision:.2f}, {recall:.2f}; {on_no_nucleus})".format(**one)
            for one in rows) + " |")
    lines += ["", "Same labels, same model: " + ", ".join(
        f"{way}: {told}" for way, told in figures["same_model"].items()) + ".", ""]
    return "\n".join(lines)


def wrongs(name, figures):
    """What must not be, in words."""
    without = figures["counts_without"][-1]["error"]
    for threshold, one in figures["models"].items():
        if not one["page_shows"]:
            yield f"{name}: train's page does not show the model file's accuracy"
        if threshold == "counts" and abs(one["counts"][-1]["error"]) >= abs(without):
            yield f"{name}: with the classifier the count is no nearer to the truth"
    for way, told in figures["same_model"].items():
        if told != "equal":
            yield f"{name}: another model with {way}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=ROOT / "build/release/bin/tilepool")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(
        os.environ.get("TILEPOOL_TEST_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/closed-loop")
    parser.add_argument("--errors", type=float, default=0.03)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*EXPERIMENTS, []])
    args = parser.parse_args()
    bad, page = [], []
    for name in args.names or EXPERIMENTS:
        figures = closed(name, EXPERIMENTS[name], args)
        if figures is None:
            print(f"skipped: no fields for {name} in {args.data}")
            return 77
        (args.out / name / "figures.json").write_text(json.dumps(figures, indent=1))
        page.append(markdown(name, figures))
        bad += wrongs(name, figures)
    (args.out / "figures.md").write_text("\n".join(page))
    print("\n".join([*page, *(f"FAIL {one}" for one in bad)] if bad else [*page, "PASS"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
