"""Questions: how many times as fast as the usual Python loop does a run write patches to .npy, in as
many processes; and what share of the pixel rate of reading tiles alone is left?

    tests/bench/patches/bench.py --binary build/release/bin/tilepool --folder DIR [SLIDE...]

The Python loop reads each patch by openslide-python and stores it in a memory-mapped .npy, a process
a core, over the very places that the run found. Reading alone is `tilepool bench` with as many threads
and the same tiles. DIR takes all output: on a RAM disk the figures are those of the program, on a disk
those of the disk. Runs are interleaved, figures are medians. The last result is in docs/performance.md.
"""
import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import h5py
import numpy
import openslide


def loop(job):
    slide, out, places, rows, size = job
    array = numpy.load(out, mmap_mode="r+")
    with openslide.OpenSlide(slide) as source:
        for row, (x, y) in zip(rows, places):
            array[row] = numpy.asarray(source.read_region((x, y), 0, (size, size)).convert("RGB"))
    array.flush()


def python_loop(run_dir, folder, size, processes):
    with h5py.File(run_dir / "results.h5", "r") as file:
        slides = [path.decode() for path in file["slides/path"][:]]
        of, x, y = (file[f"patches/{name}"][:] for name in ("slide", "x", "y"))
    jobs = []
    begin = time.perf_counter()
    for i, slide in enumerate(slides):
        own = numpy.flatnonzero(of == i)
        out = folder / f"{i}.npy"
        numpy.lib.format.open_memmap(out, "w+", numpy.uint8, (len(own), size, size, 3)).flush()
        for part in numpy.array_split(numpy.arange(len(own)), processes):
            places = [(int(x[own[k]]), int(y[own[k]])) for k in part]
            jobs.append((slide, out, places, part, size))
    with multiprocessing.Pool(processes) as pool:
        pool.map(loop, jobs, chunksize=1)
    return time.perf_counter() - begin


def run(binary, config, run_dir):
    shutil.rmtree(run_dir, ignore_errors=True)
    begin = time.perf_counter()
    subprocess.run([binary, "run", config, "--run-dir", run_dir, "--quiet"], check=True)
    seconds = time.perf_counter() - begin
    state = json.loads((run_dir / "status.json").read_text())
    return {"seconds": seconds, "processing_s": state["processing_s"],
            "peak": max(rank["peak_rss_bytes"] for rank in state["ranks"])}


def reading_rate(binary, config, threads, folder):
    done = subprocess.run([binary, "bench", config, "--json", "--seconds", "60", "--threads",
                           str(threads), "--quiet", "--out", folder / "bench.html"], check=True,
                          capture_output=True, text=True)
    return max(1e6 * rate["mpx_per_s"] for slide in json.loads(done.stdout)["slides"]
               for rate in slide["sources"]["direct"] if rate["threads"] == threads)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="+", help="tiled TIFF or SVS")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    processes = len(os.sched_getaffinity(0))
    config = args.folder / "config.json"
    config.write_text(json.dumps({
        "slides": [str(Path(slide).resolve()) for slide in args.slides],
        "sample": {"fraction": 1.0}, "task": {"kind": "patches"},
        "patches": {"size_px": args.size, "pixels": "npy"}}))
    run_dir = args.folder / "run"
    ours, peers = [], []
    for _ in range(args.repeats):
        ours.append(run(args.binary, config, run_dir))
        peers.append(python_loop(run_dir, args.folder, args.size, processes))
    with h5py.File(run_dir / "results.h5", "r") as file:
        n, tiles = len(file["patches/x"]), file["pool/w"][:].astype(float) @ file["pool/h"][:]
    rate = reading_rate(args.binary, config, processes, args.folder)
    middle = {name: statistics.median(one[name] for one in ours) for name in ours[0]}
    print(json.dumps({
        "patches": n, "processes": processes, "run_s": middle["seconds"],
        "processing_s": middle["processing_s"], "python_s": statistics.median(peers),
        "times_as_fast": statistics.median(p / o["seconds"] for p, o in zip(peers, ours)),
        "tile_px_per_s": tiles / middle["processing_s"], "reading_px_per_s": rate,
        "share_of_reading": tiles / middle["processing_s"] / rate,
        "peak_mib": middle["peak"] / 2**20}, indent=2))


if __name__ == "__main__":
    main()
