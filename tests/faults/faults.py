"""What the tests of faults share: a small cohort with its undisturbed result, runs that are hurt, and
rows for the table in docs/reliability.md."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from runs import BINARY, ENVIRONMENT, differences, status, tilepool  # noqa: E402

# Deaths that are seen by silence are seen soon.
RUN = {"range_tiles": 8, "silent_limit_s": 4, "heartbeat_s": 0.2}
END_LIMIT_S = 90  # within which every run must end by itself


class Cohort:
    """Slides, a configuration over them, and the results of an undisturbed run."""

    def __init__(self, folder, slides=3, size_px=2048, tile_px=256):
        self.folder = Path(folder)
        done = tilepool("synth", "--out", self.folder / "slides", "--slides", slides, "--size",
                        size_px, "--seed", 5)
        assert done.returncode == 0, done.stderr
        self.config = self.write_config("config.json", tile_px=tile_px)
        done = tilepool("run", self.config, "--run-dir", self.reference)
        assert done.returncode == 0, done.stderr

    @property
    def reference(self):
        return self.folder / "reference"

    def write_config(self, name, tile_px=256, **run):
        path = self.folder / name
        path.write_text(json.dumps({
            "slides": [str(self.folder / "slides/*.tif")],
            "tiles": {"size_px": tile_px, "halo_px": 32},
            "sample": {"fraction": 1.0},
            "workers": {"readers": 0},
            "task": {"kind": "segment"},
            "run": {**RUN, **run}}))
        return path


class Attempt:
    """One start of the program; `launcher`: launch, mpirun or alone."""

    def __init__(self, config, run_dir, launcher="launch", ranks=4, fault="", options=(),
                 launch_options=()):
        run = ["run", str(config), "--run-dir", str(run_dir), *options]
        command = {"launch": [BINARY, "launch", "-n", str(ranks), *launch_options, *run],
                   "mpirun": ["mpirun", "--oversubscribe", "-n", str(ranks), BINARY, *run],
                   "alone": [BINARY, *run]}[launcher]
        self.run_dir = Path(run_dir)
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            command, env=dict(ENVIRONMENT, TILEPOOL_FAULT=fault), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def wait_for(self, condition, limit_s=60):
        """Until condition(status) holds; the run must not end before."""
        while True:
            try:
                if condition(status(self.run_dir)):
                    return
            except (OSError, ValueError):
                pass
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() - self.begin < limit_s
            time.sleep(0.02)

    def pid_of(self, rank):
        found = []

        def known(state):
            found[:] = [r["pid"] for r in state["ranks"] if r["rank"] == rank]
            return bool(found)
        self.wait_for(known)
        return found[0]

    def end(self, limit_s=END_LIMIT_S):
        """(exit code, output, seconds)"""
        try:
            output, _ = self.process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"did not end within {limit_s} s:\n"
                                 f"{self.process.communicate()[0][-3000:]}") from None
        return self.process.returncode, output, time.monotonic() - self.begin


def strays(run_dir):
    """Files that only a run in progress may have under their final names' folders."""
    run_dir = Path(run_dir)
    return sorted(str(p.relative_to(run_dir)) for p in run_dir.rglob("*")
                  if p.is_file() and (p.name.startswith(".") or ".tmp-" in p.name))


def survive(cohort, run_dir, fault, where, launcher="launch", ranks=4, spec="", hurt=None,
            expected=(0, 75), environment="one host"):
    """Hurts one run, resumes it when it had to stop, and holds the result against the undisturbed
    one. `hurt(attempt)` acts from outside. Returns the first attempt's output."""
    attempt = Attempt(cohort.config, run_dir, launcher=launcher, ranks=ranks, fault=spec)
    if hurt:
        hurt(attempt)
    code, output, seconds = attempt.end()
    assert code in expected, f"exit {code}\n{output[-3000:]}"
    codes = [code]
    while codes[-1] not in (0, 3):
        assert len(codes) < 4, codes
        again = Attempt(cohort.config, run_dir, launcher=launcher, ranks=ranks - 1)
        code, more, _ = again.end()
        assert code in (0, 75), more[-3000:]
        codes.append(code)
    difference = differences(cohort.reference, run_dir)
    assert difference == "", difference
    assert status(run_dir)["exit_code"] == codes[-1]
    assert strays(run_dir) == []
    record(environment=environment, launcher=launcher, fault=fault, where=where,
           codes=codes, seconds=round(seconds, 1),
           end="by itself" if len(codes) == 1 else "resumed by the same command")
    return output


def record(**row):
    table = os.environ.get("TILEPOOL_FAULT_TABLE")
    if table:
        with open(table, "a") as file:
            file.write(json.dumps(row) + "\n")
