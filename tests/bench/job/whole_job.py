"""Question: how much of the whole job is its largest part? A job that overlaps reading, computing and
writing takes as long as the largest of them alone.

    tests/bench/job/whole_job.py --binary build/release/bin/tilepool [--sample 240] [--size 3000]
        [--compression gzip:1] [--repeats 3] SLIDE...

Runs the segment task with a master and two workers of one thread each. The parts are what the
workers' threads spent reading, computing and committing, as the run itself counted, divided by the
workers; the whole is from start to end: scan, calibration, pack and the report's last numbers too.
Reading and computing share the same cores here, so a part is a little longer than alone. The last
result is in docs/performance.md.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

WORKERS = 2


def parts(args, config, run_dir):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    subprocess.run(["mpirun", "--oversubscribe", "-n", str(WORKERS + 1), args.binary, "run", config,
                    "--run-dir", run_dir, "--quiet"], check=True, env=environment)
    status = json.loads((run_dir / "status.json").read_text())
    workers = [rank for rank in status["ranks"] if rank["tiles"] > 0]
    assert len(workers) == WORKERS
    mean = {part: sum(rank[f"{part}_s"] for rank in workers) / WORKERS
            for part in ("read", "compute", "commit")}
    return status["elapsed_s"], mean, status["cells"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="+")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--sample", type=int, default=240)
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--compression", default="gzip:1")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "config.json"
        config.write_text(json.dumps({
            "slides": [str(Path(slide).resolve()) for slide in args.slides],
            "tiles": {"size_px": args.size}, "sample": {"count": args.sample},
            "output": {"compression": args.compression},
            "task": {"kind": "segment", "classes": [{"name": "nucleus", "min_area_um2": 15,
                                                     "max_area_um2": 2000}]}}))
        for repeat in range(args.repeats):
            whole, mean, cells = parts(args, config, folder / f"run-{repeat}")
            ratios.append(max(mean.values()) / whole)
            print(f"whole {whole:.1f} s; a worker's reading {mean['read']:.1f}, computing "
                  f"{mean['compute']:.1f}, committing {mean['commit']:.1f} s; {cells} cells; ratio "
                  f"{ratios[-1]:.3f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
