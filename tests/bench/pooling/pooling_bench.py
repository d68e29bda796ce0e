"""Question: how many times as fast as others is pooling every tile of a cohort with pyramids, and how
much of the files does it read?

    tests/bench/pooling/pooling_bench.py --binary build/release/bin/tilepool [--repeats 5]
        [--size 512] [--python] [--clam CLAM_CHECKOUT --clam-python PYTHON] SLIDE...

Peers, each with all cores: CLAM's create_patches_fp.py (--seg --patch, the same patch size; a
checkout of github.com/mahmoodlab/CLAM and a Python that has its dependencies), and with --python a
process pool that judges every tile at level 0 (../job/peer.py); it is slow, so it runs once whatever
--repeats says. The others are interleaved, medians. The part of the files that pooling read is what
of them lies in the system's cache afterwards, read-ahead included, when none did before. The last
result is in docs/performance.md.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "job"))
from bench import ours  # noqa: E402


def config_of(slides, size, folder):
    config = folder / "config.json"
    config.write_text(json.dumps({
        "slides": slides, "tiles": {"size_px": size}, "task": {"kind": "tile-features"},
        "sample": {"count": 1}}))
    return config


def forget(slide):
    """Puts the file out of the system's cache."""
    file = os.open(slide, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def cached_bytes(slide):
    done = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", slide],
                          check=True, capture_output=True, text=True)
    return int(done.stdout)


def clam(args, folder):
    source = folder / "clam-slides"
    source.mkdir(exist_ok=True)
    for slide in args.slides:
        link = source / Path(slide).name
        if not link.exists():
            link.symlink_to(slide)
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([args.clam_python, "create_patches_fp.py", "--source", source, "--save_dir",
                        out, "--patch_size", str(args.size), "--step_size", str(args.size), "--seg",
                        "--patch"], cwd=args.clam, check=True, capture_output=True)
        assert len(list(Path(out).glob("patches/*.h5"))) == len(args.slides), "CLAM made no patches"
    return time.perf_counter() - begin


def python_pool_s(args):
    done = subprocess.run([sys.executable, Path(__file__).parent.parent / "job/peer.py",
                           *args.slides, "--size", str(args.size), "--fraction", "0.1",
                           "--pool-only"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["pooling_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="+")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--python", action="store_true")
    parser.add_argument("--clam")
    parser.add_argument("--clam-python", default=sys.executable)
    args = parser.parse_args()
    args.slides = [str(Path(slide).resolve()) for slide in args.slides]
    args.binary = str(Path(args.binary).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = config_of(args.slides, args.size, folder)
        for slide in args.slides:
            forget(slide)
        before = sum(map(cached_bytes, args.slides))
        first = ours(args.binary, config, folder)
        read = sum(map(cached_bytes, args.slides)) - before
        share = read / sum(os.path.getsize(slide) for slide in args.slides)
        print(f"{len(args.slides)} slides, {first['tiles']} tiles of {args.size} px, "
              f"{first['pooled']} in the pool; with nothing cached: {first['pooling_s']:.3f} s, "
              f"{100 * share:.2f} % of the files read")
        rows = []
        for _ in range(args.repeats):
            ours_s = ours(args.binary, config, folder)["pooling_s"]
            rows.append((ours_s, clam(args, folder) if args.clam else None))
        ours_s = statistics.median(row[0] for row in rows)
        print(f"tilepool {ours_s:.3f} s")
        if args.clam:
            clam_s = statistics.median(row[1] for row in rows)
            ratios = [row[1] / row[0] for row in rows]
            print(f"CLAM {clam_s:.2f} s, ratio {statistics.median(ratios):.1f} "
                  f"({min(ratios):.1f} .. {max(ratios):.1f})")
        if args.python:
            pool_s = python_pool_s(args)
            print(f"Python pool at level 0 {pool_s:.1f} s, ratio {pool_s / ours_s:.0f}")


if __name__ == "__main__":
    main()
