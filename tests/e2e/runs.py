"""What the end-to-end tests share: starting tilepool, reading what it left, finding real slides."""
import csv
import json
import os
import subprocess
from pathlib import Path

import h5py
import pytest

SOURCE = Path(os.environ["TILEPOOL_SOURCE_DIR"])
BINARY = os.environ["TILEPOOL_BINARY"]
DATA = Path(os.environ.get("TILEPOOL_TEST_DATA", SOURCE.parent / "shared" / "data"))
CHECKS = Path(os.environ.get("TILEPOOL_TEST_CHECKS", SOURCE.parent / "shared" / "checks"))
COMPOSITE = DATA / "slides/derived/composite-monuseg-6.tif"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real slides in {DATA}")

ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   NO_COLOR="1")


def write_config(folder, slides, **sections):
    """A configuration file over `slides` (paths or entries)."""
    config = {"slides": [str(s) if isinstance(s, Path) else s for s in slides], **sections}
    path = Path(folder) / "config.json"
    path.write_text(json.dumps(config))
    return path


def command(config, run_dir, *arguments, ranks=None):
    launcher = [] if ranks is None else ["mpirun", "--oversubscribe", "-n", str(ranks)]
    return [*launcher, BINARY, "run", str(config), "--run-dir", str(run_dir), *map(str, arguments)]


def tilepool(*arguments, timeout=300):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env=ENVIRONMENT)


def run(config, run_dir, *arguments, ranks=None, code=0, timeout=600):
    """Runs the job and holds its exit code against `code`; None takes any."""
    done = subprocess.run(command(config, run_dir, *arguments, ranks=ranks), capture_output=True,
                          text=True, timeout=timeout, env=ENVIRONMENT)
    if code is not None:
        assert done.returncode == code, done.stderr[-3000:]
    return done


def differences(a, b):
    """What h5diff says of two runs' results, telemetry aside; empty when they are equal."""
    done = subprocess.run(["h5diff", "--exclude-path", "/telemetry", f"{a}/results.h5",
                           f"{b}/results.h5"], capture_output=True, text=True)
    return f"exit {done.returncode}: {done.stdout}{done.stderr}" if done.returncode else done.stdout


def ledger(run_dir):
    with open(Path(run_dir) / "slides.csv", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def status(run_dir):
    return json.loads((Path(run_dir) / "status.json").read_text())


def results(run_dir):
    return h5py.File(Path(run_dir) / "results.h5", "r")


def texts(dataset):
    return [value.decode().rstrip("\0") for value in dataset[:]]


def check_results(run_dir, *arguments):
    """The independent reader of a finished run; skipped where it is not there."""
    script = CHECKS / "check_results.py"
    if not script.exists():
        pytest.skip(f"no {script}")
    done = subprocess.run(["/usr/bin/python3", script, str(run_dir), *map(str, arguments)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Three small synthetic slides, the same in every run of the tests."""
    folder = tmp_path_factory.mktemp("cohort")
    done = tilepool("synth", "--out", folder, "--slides", 3, "--size", 2048, "--seed", 7)
    assert done.returncode == 0, done.stderr
    return sorted(folder.glob("*.tif"))
