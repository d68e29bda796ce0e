"""Question: how many times as fast as a Python script of the usual kind (peer.py) is the whole job,
and pooling alone, on the same slides, cores and sample?

    tests/bench/job/bench.py --binary build/release/bin/tilepool [--repeats 3] [SLIDE...]

Without slides: two synthetic ones with a pyramid, 8192 x 8192 px. Both use all cores; runs are
interleaved, the figures are medians. The last result is in docs/performance.md.
"""
import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def seconds_between(run_dir, first, last):
    times = {}
    for line in (run_dir / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        when = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        times.setdefault(event["event"], when.timestamp())
    return times[last] - times[first]


def ours(binary, config, folder):
    run_dir = folder / "run"
    shutil.rmtree(run_dir, ignore_errors=True)
    begin = time.perf_counter()
    subprocess.run([binary, "run", config, "--run-dir", run_dir, "--quiet"], check=True)
    total = time.perf_counter() - begin
    status = json.loads((run_dir / "status.json").read_text())
    return {"pooling_s": seconds_between(run_dir, "start", "planned"), "total_s": total,
            "tiles": status["grid"], "pooled": status["pool"], "sampled": status["sample"],
            "cells": status["cells"]}


def peer(slides, args, folder):
    done = subprocess.run([sys.executable, HERE / "peer.py", *slides, "--size", str(args.size),
                           "--fraction", str(args.fraction), "--out", folder / "peer.h5"],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="*")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--fraction", type=float, default=0.1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slides = args.slides
        if not slides:
            subprocess.run([args.binary, "synth", "--out", folder / "slides", "--slides", "2",
                            "--size", "8192", "--seed", "1"], check=True,
                           stdout=subprocess.DEVNULL)
            slides = sorted(str(p) for p in (folder / "slides").glob("*.tif"))
        config = folder / "config.json"
        config.write_text(json.dumps({
            "slides": [str(Path(s).resolve()) for s in slides], "tiles": {"size_px": args.size},
            "sample": {"fraction": args.fraction}}))
        rows = []
        for _ in range(args.repeats):
            rows.append((ours(args.binary, config, folder), peer(slides, args, folder)))
    print(f"{os.cpu_count()} cores, {len(slides)} slides, {args.size} px tiles, "
          f"fraction {args.fraction}, {args.repeats} interleaved repeats, medians")
    for who, index in (("tilepool", 0), ("Python script", 1)):
        last = rows[-1][index]
        print(f"{who:14} pooling {statistics.median(r[index]['pooling_s'] for r in rows):8.3f} s"
              f"   whole job {statistics.median(r[index]['total_s'] for r in rows):8.3f} s"
              f"   tiles {last['tiles']}  pooled {last['pooled']}  sampled {last['sampled']}"
              f"  cells {last['cells']}")
    for what in ("pooling_s", "total_s"):
        ratios = [b[what] / a[what] for a, b in rows]
        print(f"ratio {what[:-2]:8} {statistics.median(ratios):8.1f}"
              f"   ({min(ratios):.1f} .. {max(ratios):.1f})")


if __name__ == "__main__":
    main()
