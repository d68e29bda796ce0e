"""Question: how much faster does a run get with 1, 2, 4, ... workers, where does it stop, and why?

    tests/bench/workers/bench.py --binary build/release/bin/tilepool [--most 4] [--task KIND] SLIDE...

Workers with one thread each, so that their number is the number of cores asked for; then one process
with as many threads. Prints tiles a second in processing, the speed-up, and what a worker's time went
into (computing, waiting for reads, for commits, for leases). The last result is in docs/performance.md.
"""
import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def measure(binary, config, folder, ranks, threads):
    run_dir = folder / f"run-{ranks}-{threads}"
    launcher = [] if ranks == 0 else ["mpirun", "--oversubscribe", "--bind-to", "none", "-n",
                                      str(ranks + 1)]
    subprocess.run([*launcher, binary, "run", config, "--run-dir", run_dir, "--quiet", "--set",
                    f"/workers/readers={threads}"], check=True, env=ENVIRONMENT,
                   capture_output=True)
    state = json.loads((run_dir / "status.json").read_text())
    spent = {name: sum(rank.get(name, 0.0) for rank in state["ranks"])
             for name in ("compute_s", "wait_read_s", "wait_commit_s", "wait_lease_s")}
    whole = sum(spent.values()) or 1
    return state["tiles_done"] / state["processing_s"], \
        ", ".join(f"{name[:-2].replace('_', ' ')} {value / whole:.0%}" for name, value in spent.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="+")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--most", type=int, default=4)
    parser.add_argument("--task", default="segment")
    parser.add_argument("--fraction", type=float, default=0.1)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        config = folder / "config.json"
        config.write_text(json.dumps({
            "slides": [str(Path(slide).resolve()) for slide in args.slides],
            "sample": {"fraction": args.fraction}, "task": {"kind": args.task},
            "tiles": {"size_px": 1024}}))
        print(f"{cores} cores\n\n| workers | tiles/s | speed-up | time of the workers |")
        print("|---|---|---|---|")
        first = None
        workers = 1
        while workers <= args.most:
            rate, spent = measure(args.binary, config, folder, workers, 1)
            first = first or rate
            print(f"| {workers} | {rate:.2f} | {rate / first:.2f} | {spent} |", flush=True)
            workers *= 2
        rate, spent = measure(args.binary, config, folder, 0, cores)
        print(f"| one process, {cores} threads | {rate:.2f} | {rate / first:.2f} | {spent} |")


if __name__ == "__main__":
    main()
