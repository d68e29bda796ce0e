"""The script that tilepool replaces, of the usual kind: openslide-python and a process pool judge
every tile's tissue at level 0, a sample is drawn, scikit-image segments each sampled tile, h5py
writes. Prints one JSON line: seconds of pooling and of everything, tiles and cells."""
import argparse
import json
import multiprocessing
import os
import struct
import time

import h5py
import numpy as np
import openslide
import xxhash
from scipy import ndimage
from skimage import color, feature, filters, measure, morphology, segmentation


def tissue_fraction(task):
    path, x, y, size = task
    slide = slides(path)
    tile = np.asarray(slide.read_region((x, y), 0, (size, size)).convert("RGB"))
    hsv = color.rgb2hsv(tile)
    return float((hsv[..., 1] > 0.07).mean())


OPEN = {}


def slides(path):
    if path not in OPEN:
        OPEN[path] = openslide.OpenSlide(path)
    return OPEN[path]


PROPERTIES = ["label", "area", "perimeter", "solidity", "eccentricity", "major_axis_length",
              "minor_axis_length", "extent", "equivalent_diameter", "centroid", "mean_intensity"]


def segment(task):
    path, x, y, size, mpp = task
    tile = np.asarray(slides(path).read_region((x, y), 0, (size, size)).convert("RGB"))
    haematoxylin = filters.gaussian(color.rgb2hed(tile)[..., 0], 0.5 / mpp)
    if haematoxylin.max() <= haematoxylin.min():
        return {}
    mask = haematoxylin > filters.threshold_otsu(haematoxylin)
    mask = morphology.remove_small_objects(mask, int(15 / mpp**2))
    mask = ndimage.binary_fill_holes(morphology.binary_opening(mask, morphology.disk(2)))
    distance = ndimage.distance_transform_edt(mask)
    peaks = feature.peak_local_max(distance, min_distance=int(2 / mpp), labels=measure.label(mask))
    markers = np.zeros(mask.shape, int)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = segmentation.watershed(-distance, markers, mask=mask)
    if labels.max() == 0:
        return {}
    table = measure.regionprops_table(labels, tile, properties=PROPERTIES)
    table["contour"] = [len(measure.find_contours(region.image_filled.astype(float), 0.5))
                        for region in measure.regionprops(labels)]
    return {name: np.asarray(values) for name, values in table.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("slides", nargs="+")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--fraction", type=float, required=True)
    parser.add_argument("--min-fraction", type=float, default=0.15)
    parser.add_argument("--mpp", type=float, default=0.25)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--out", help="HDF5 file to write")
    parser.add_argument("--pool-only", action="store_true", help="judge the tiles, compute none")
    args = parser.parse_args()
    begin = time.perf_counter()
    tiles = []
    for path in args.slides:
        width, height = openslide.OpenSlide(path).dimensions
        tiles += [(path, x, y, args.size) for y in range(0, height, args.size)
                  for x in range(0, width, args.size)]
    with multiprocessing.Pool(args.processes) as pool:
        fractions = pool.map(tissue_fraction, tiles, chunksize=4)
        pooled = [tile for tile, f in zip(tiles, fractions) if f >= args.min_fraction]
        pooling_s = time.perf_counter() - begin
        if args.pool_only:
            print(json.dumps({"pooling_s": pooling_s, "tiles": len(tiles), "pooled": len(pooled)}))
            return
        keys = {tile: xxhash.xxh64(os.path.basename(tile[0]).encode() + b"\0"
                                   + struct.pack("<qq", tile[1], tile[2]), seed=42).intdigest()
                for tile in pooled}
        n = min(len(pooled), max(1, int(args.fraction * len(pooled) + 0.5)))
        sample = sorted(pooled, key=keys.get)[:n]
        cells = pool.map(segment, [(*tile, args.mpp) for tile in sample], chunksize=1)
    with h5py.File(args.out, "w") as file:
        for name in next((c for c in cells if c), {}):
            file.create_dataset(name, data=np.concatenate([c[name] for c in cells if name in c]),
                                compression="gzip")
    print(json.dumps({"pooling_s": pooling_s, "total_s": time.perf_counter() - begin,
                      "tiles": len(tiles), "pooled": len(pooled), "sampled": len(sample),
                      "cells": int(sum(len(c.get("area", [])) for c in cells))}))


if __name__ == "__main__":
    main()
