#!/usr/bin/python3
"""Cells against truth: F1 at IoU 0.5 and AJI of tilepool and of a scikit-image pipeline.

usage: cells_bench.py [--driver build/release/bin/cells_driver] [--data DIR] [NAME=VALUE ...]

MoNuSeg (ImageScope XML polygons, 1000 x 1000 px, 0.25 um/px): tilepool calibrated on each image
alone ("each") and on all images together ("pooled", as on a slide that holds them all), and the
usual Python pipeline (rgb2hed, Otsu, opening, distance transform, marker watershed), all on the
same images, one thread. NAME=VALUE goes to the driver, e.g. split_depth_um=0.5.
Ends with exit 1 where tilepool falls below F1 0.75 or AJI 0.58 or behind the Python pipeline.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
from scipy import ndimage
from skimage import color, draw, feature, filters, io, measure, morphology, segmentation

ROOT = pathlib.Path(__file__).resolve().parents[3]
MPP = 0.25
N_FEATURES = 29


def read_truth(xml, shape):
    truth, count = np.zeros(shape, np.int32), 0
    for region in ElementTree.parse(xml).getroot().iter("Region"):
        ring = np.array([(float(v.get("Y")), float(v.get("X"))) for v in region.iter("Vertex")])
        if len(ring) > 2:
            count += 1
            truth[draw.polygon(ring[:, 0], ring[:, 1], shape)] = count
    return truth


def overlap(truth, found):
    """Matched, true and found cells, and the aggregated Jaccard index (Kumar et al. 2017)."""
    k, q = truth.max(), found.max()
    pairs = np.bincount(truth.ravel().astype(np.int64) * (q + 1) + found.ravel(),
                        minlength=(k + 1) * (q + 1)).reshape(k + 1, q + 1)
    of_truth, of_found, both = pairs.sum(1), pairs.sum(0), pairs[1:, 1:]
    union = of_truth[1:, None] + of_found[None, 1:] - both
    iou = both / np.maximum(union, 1)
    common, total, used = 0, 0, set()
    for i in range(k):
        if of_truth[i + 1] == 0:
            continue
        j = iou[i].argmax() if q else 0
        if q == 0 or iou[i, j] == 0:
            total += of_truth[i + 1]
            continue
        common += both[i, j]
        total += union[i, j]
        used.add(j)
    total += sum(of_found[j + 1] for j in range(q) if j not in used)
    return (iou >= 0.5).any(1).sum(), (of_truth[1:] > 0).sum(), (of_found[1:] > 0).sum(), \
        common / total


def python_pipeline(rgb):
    """The usual way: colour deconvolution, Otsu, opening, distance transform, watershed."""
    stain = filters.gaussian(color.rgb2hed(rgb)[..., 0], 1)
    mask = stain > filters.threshold_otsu(stain)
    mask = morphology.remove_small_holes(mask, 200)
    mask = morphology.binary_opening(mask, morphology.disk(2))
    mask = morphology.remove_small_objects(mask, 160)
    distance = filters.gaussian(ndimage.distance_transform_edt(mask), 1)
    peaks = feature.peak_local_max(distance, min_distance=7, labels=measure.label(mask))
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return segmentation.watershed(-distance, markers, mask=mask)


def tilepool(driver, images, calibrate, options, folder):
    """A label image and the seconds for each image."""
    command = [driver, folder, str(MPP), f"calibrate={calibrate}", *options, "--"]
    for name, (rgb, _) in images.items():
        path = pathlib.Path(folder) / f"{name}.rgb"
        path.write_bytes(np.ascontiguousarray(rgb).tobytes())
        command += [path, str(rgb.shape[1]), str(rgb.shape[0])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    for k, line in enumerate(done.stdout.splitlines()):
        shape = list(images.values())[k][0].shape[:2]
        cells = np.fromfile(f"{folder}/{k}.cells").reshape(-1, 4 + N_FEATURES)
        points = np.fromfile(f"{folder}/{k}.contours", np.float32).reshape(-1, 2)
        labels = np.zeros(shape, np.int32)
        for i, ring in enumerate(np.split(points, np.cumsum(cells[:, 3]).astype(int))[:-1]):
            labels[draw.polygon(ring[:, 1], ring[:, 0], shape)] = i + 1
        yield labels, json.loads(line)["seconds"]


def timed_python(images):
    for rgb, _ in images.values():
        start = time.process_time()
        labels = python_pipeline(rgb)
        yield labels, time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", default=ROOT / "build/release/bin/cells_driver")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(
        os.environ.get("TILEPOOL_TEST_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("options", nargs="*")
    args = parser.parse_args()
    folder = args.data / "segmentation/monuseg"
    images = {}
    for path in sorted(folder.glob("*.tif")):
        rgb = io.imread(path)[..., :3]
        images[path.stem] = (rgb, read_truth(path.with_suffix(".xml"), rgb.shape[:2]))
    if not images:
        print(f"skipped: no images in {folder}")
        return 77
    scores = {}
    with tempfile.TemporaryDirectory() as work:
        for way, results in (
                ("each", tilepool(args.driver, images, "each", args.options, work)),
                ("pooled", tilepool(args.driver, images, "pooled", args.options, work)),
                ("scikit-image", timed_python(images))):
            scores[way] = [(*overlap(truth, labels), seconds)
                           for (labels, seconds), (_, truth) in zip(results, images.values())]
    print(f"{'':28}" + "".join(f"{way:^28}" for way in scores))
    print(f"{'image':22}{'cells':>6}" + f"{'found':>7}{'F1':>7}{'AJI':>7}{'s':>7}" * len(scores))
    for k, name in enumerate(images):
        row = f"{name:22}{scores['each'][k][1]:6}"
        for results in scores.values():
            tp, n, found, aji, seconds = results[k]
            row += f"{found:7}{2 * tp / (n + found):7.3f}{aji:7.3f}{seconds:7.3f}"
        print(row)
    total = {}
    row = f"{'pooled F1, mean AJI':22}{sum(r[1] for r in scores['each']):6}"
    for way, results in scores.items():
        tp, n, found = (sum(r[i] for r in results) for i in range(3))
        total[way] = (2 * tp / (n + found), float(np.mean([r[3] for r in results])))
        seconds = sum(r[4] for r in results)
        row += f"{found:7}{total[way][0]:7.3f}{total[way][1]:7.3f}{seconds:7.3f}"
    print(row)
    good = all(total[way][0] >= 0.75 and total[way][1] >= 0.58 and
               total[way][0] > total["scikit-image"][0] and
               total[way][1] > total["scikit-image"][1] for way in ("each", "pooled"))
    print("PASS" if good else "FAIL: F1 >= 0.75 and AJI >= 0.58 and better than scikit-image")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
