"""Question: does the resident memory of a rank grow with the slides of the cohort?

    tests/bench/memory/cohort_bench.py --binary build/release/bin/tilepool [--many 500]

The same job (a master and two workers, every tile of 512 px) over 5 synthetic slides and over many:
hard links to those 5 under other names. Prints the peak of each rank and the ratio of the sums. The last result is in docs/performance.md.
"""
import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import h5py


def peaks(binary, slides, folder):
    config = folder / "config.json"
    config.write_text(json.dumps({
        "slides": [str(slide) for slide in slides], "tiles": {"size_px": 512},
        "task": {"kind": "tile-features"}, "sample": {"fraction": 1.0},
        "memory": {"host_per_rank": "1GiB"}}))
    run_dir = folder / f"run-{len(slides)}"
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    subprocess.run(["mpirun", "--oversubscribe", "-n", "3", binary, "run", config, "--run-dir",
                    run_dir, "--quiet"], check=True, env=environment)
    with h5py.File(run_dir / "results.h5", "r") as results:
        return results["telemetry/ranks/peak_bytes"][:]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--many", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([args.binary, "synth", "--out", folder / "slides", "--slides", "5", "--size",
                        "6144", "--seed", "3"], check=True, stdout=subprocess.DEVNULL)
        few = sorted((folder / "slides").glob("*.tif"))
        many = []
        for i in range(args.many):
            many.append(folder / "slides" / f"{i // 5}-{few[i % 5].name}")
            os.link(few[i % 5], many[-1])
        sums = []
        for slides in (few, many):
            ranks = peaks(args.binary, slides, folder)
            sums.append(sum(ranks))
            print(f"{len(slides):4} slides: " + ", ".join(f"{peak / 2**20:.1f}" for peak in ranks)
                  + " MiB (master, workers)")
        print(f"ratio of the sums {sums[1] / sums[0]:.3f}")


if __name__ == "__main__":
    main()
