"""Question: which tissue do CLAM and histolab cut patches from that this program does not, and the
other way round?

    tests/bench/patches/peers.py --binary build/release/bin/tilepool --data DIR

DIR holds slides/ and golden/ (patch corners of CLAM and histolab on these slides). Corners cannot be
the same: CLAM's lattice begins at each contour's box and histolab's at the tissue's, ours at the slide's
corner. So areas are compared: what both cover, what one alone covers, in mm2 or Mpx of level 0.
"""
import argparse
import csv
import json
import subprocess
import tempfile
from pathlib import Path

import h5py
import numpy

STEP = 16  # px of level 0 a cell of the map


def covered(shape, corners, size):
    cells = numpy.zeros([(extent + STEP - 1) // STEP for extent in shape], bool)
    for x, y in corners:
        cells[y // STEP:(y + size) // STEP, x // STEP:(x + size) // STEP] = True
    return cells


def golden(data):
    for path in sorted((data / "golden/clam").glob("*.p256_s256_l0.h5")):
        with h5py.File(path) as file:
            yield "CLAM", path.name.split(".p256")[0], 256, file["coords"][:]
    for path in sorted((data / "golden/histolab").glob("*.grid_TM_256x256_l0_tissue1_ov0.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file)]
        boxes = numpy.array([[int(float(v)) for v in row[:4]] for row in rows
                             if row[0].lstrip("-").replace(".", "").isdigit()])
        yield "histolab", path.name.split(".grid")[0], 256, boxes[:, :2]


def ours(binary, slide, folder, size, share):
    config = folder / "config.json"
    config.write_text(json.dumps({
        "slides": [str(slide)], "tiles": {"size_px": 1024}, "sample": {"fraction": 1.0},
        "tissue": {"min_fraction": 0}, "task": {"kind": "patches"},
        "patches": {"size_px": size, "min_tissue": share, "pad": True}}))
    subprocess.run([binary, "run", config, "--run-dir", folder / "run", "--quiet", "--fresh"],
                   check=True)
    with h5py.File(folder / "run/results.h5") as file:
        return (numpy.stack([file["patches/x"][:], file["patches/y"][:]], axis=1),
                (int(file["slides/height"][0]), int(file["slides/width"][0])))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    print("| peer | slide | its patches | ours | both, Mpx | its alone | ours alone | IoU |")
    print("|---|---|---|---|---|---|---|---|")
    for peer, name, size, corners in golden(args.data):
        slides = [path for path in (args.data / "slides").rglob(f"{name}*")
                  if path.suffix in (".svs", ".tif", ".tiff", ".ndpi")]
        slide = next((path for path in slides if path.stem == name), slides[0])
        # histolab keeps tiles with 80 % of tissue, CLAM those whose centre lies in a contour.
        with tempfile.TemporaryDirectory() as folder:
            mine, shape = ours(args.binary, slide, Path(folder), size,
                               0.8 if peer == "histolab" else 0.5)
        theirs, here = covered(shape, corners, size), covered(shape, mine, size)
        mpx = [(a & b).sum() * STEP * STEP / 1e6
               for a, b in ((theirs, here), (theirs, ~here), (~theirs, here))]
        union = (theirs | here).sum()
        print(f"| {peer} | {name} | {len(corners)} | {len(mine)} | {mpx[0]:.2f} | {mpx[1]:.2f} | "
              f"{mpx[2]:.2f} | {(theirs & here).sum() / max(1, union):.2f} |")


if __name__ == "__main__":
    main()
