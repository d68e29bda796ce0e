"""Folders are the architecture: an #include may only follow an arrow of the module map."""

import os
import re
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("TILEPOOL_SOURCE_DIR", Path(__file__).resolve().parents[2]))

COMMON = {"base", "memory", "model", "annotation", "kernels", "slide", "hdf5", "mpi", "run"}

# module -> modules it may include (itself always)
ARROWS = {
    "base": set(),
    "memory": {"base"},
    "model": {"base"},
    "annotation": {"base", "model"},
    "kernels": {"base", "memory"},
    "slide": {"base", "memory", "model"},
    "hdf5": {"base"},
    "mpi": {"base", "model"},
    "run": {"base", "memory", "model", "kernels", "hdf5", "mpi"},
    "cuda": {"base", "memory", "kernels"},
    "report": COMMON,
    "labels": {"base"},
    "classifier": COMMON | {"labels", "report"},
    "synth": {"base", "memory", "model"},
    "submit": {"base", "model"},
    "launch": {"base", "model", "run"},
    "export": {"base", "memory", "model", "annotation", "slide", "hdf5", "run"},
    "serve": {"base", "report"},
    "master": COMMON | {"report"},
    "worker": COMMON | {"cuda"},
    "cli": COMMON,
    "bench": COMMON | {"worker", "launch", "report"},
    "main": COMMON | {"bench", "classifier", "export", "labels", "master", "worker", "cli", "launch", "report", "serve", "submit",
                      "synth", "cuda"},
}

# Headers of libraries that pure modules must not see.
FOREIGN = re.compile(r"^(mpi\.h|hdf5.*\.h|H5\w*\.h|openslide.*|cuda.*|.*\.cuh)$")
PURE = {"model", "annotation", "kernels"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
SUFFIXES = {".h", ".hpp", ".cuh", ".cpp", ".cc", ".cu"}


def module_of(path: str) -> str | None:
    """The module of a path as it stands in an #include or under src/; None: not ours."""
    parts = path.split("/")
    if parts[0] == "common":
        return parts[1] if len(parts) > 2 else None
    if parts[0] in ARROWS and len(parts) > 1:
        return parts[0]
    if len(parts) == 1 and (SOURCE / "src" / path).is_file():
        return "main"
    return None


def violations(module: str, text: str) -> list[str]:
    """What `text`, a file of `module`, includes against the map."""
    found = []
    for quote, name in INCLUDE.findall(text):
        if module in PURE and FOREIGN.match(name.split("/")[-1]):
            found.append(f"includes <{name}>; {module} is free of it")
        if quote == "<":
            continue
        target = module_of(name)
        if target is None:
            found.append(f'includes "{name}", which is no path from src/')
        elif target != module and target not in ARROWS[module]:
            found.append(f'includes "{name}": no arrow from {module} to {target}')
    return found


def source_files() -> list[tuple[str, Path]]:
    files = []
    for path in sorted((SOURCE / "src").rglob("*")):
        if path.suffix in SUFFIXES:
            relative = path.relative_to(SOURCE / "src").as_posix()
            files.append((module_of(relative) or relative, path))
    for path in sorted((SOURCE / "cuda").rglob("*")):
        if path.suffix in SUFFIXES:
            files.append(("cuda", path))
    return files


def test_every_file_belongs_to_a_module():
    files = source_files()
    assert len(files) > 20
    for module, path in files:
        assert module in ARROWS, f"{path}: its folder is not in the module map"


@pytest.mark.parametrize("module", sorted(ARROWS))
def test_includes_follow_the_map(module):
    wrong = [
        f"{path.relative_to(SOURCE)} {what}"
        for owner, path in source_files()
        if owner == module
        for what in violations(module, path.read_text())
    ]
    assert not wrong, "\n".join(wrong)


def test_the_map_has_no_circle():
    done: set[str] = set()
    while len(done) < len(ARROWS):
        ready = {m for m, targets in ARROWS.items() if m not in done and targets <= done}
        assert ready, f"circle among {sorted(set(ARROWS) - done)}"
        done |= ready


@pytest.mark.parametrize(
    ("module", "line", "wrong"),
    [
        ("base", '#include "common/memory/budget.h"', True),
        ("memory", '#include "common/base/error.h"', False),
        ("model", "#include <mpi.h>", True),
        ("kernels", "#  include <hdf5.h>", True),
        ("kernels", '#include "cuda_runtime.h"', True),
        ("slide", "#include <openslide/openslide.h>", False),
        ("model", "#include <openslide/openslide.h>", True),
        ("run", "#include <mpi.h>", False),
        ("worker", '#include "master/sampler.h"', True),
        ("master", '#include "worker/worker.h"', True),
        ("cli", '#include "master/cohort.h"', True),
        ("main", '#include "master/cohort.h"', False),
        ("worker", '#include "bench/timing.h"', True),
        ("bench", '#include "worker/tile_reader.h"', False),
        ("labels", '#include "common/run/results_reader.h"', True),
        ("classifier", '#include "labels/votes.h"', False),
        ("base", '#include "error.h"', True),
        ("cli", '#include "main.cpp"', True),
        ("base", '// #include "common/memory/budget.h"', False),
    ],
)
def test_the_checker_sees_what_is_wrong(module, line, wrong):
    assert bool(violations(module, f"#pragma once\n{line}\n")) == wrong
