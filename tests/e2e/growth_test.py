"""A sample that grows opens no region of a finished tile again, and becomes what a fresh run is."""
import subprocess
from collections import Counter

import pytest

from runs import ENVIRONMENT, SOURCE, cohort, command, differences, results, write_config


@pytest.fixture(scope="module")
def reads(tmp_path_factory):
    """Runs a job with OpenSlide's door watched; gives the regions of level 0 that were read."""
    folder = tmp_path_factory.mktemp("reads")
    library = folder / "reads.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library,
                    SOURCE / "tests/e2e/reads.c", "-ldl"], check=True)

    def reads_of(config, run_dir, *arguments):
        listing = folder / "reads.txt"
        listing.write_text("")
        done = subprocess.run(command(config, run_dir, *arguments), capture_output=True, text=True,
                              timeout=600,
                              env=dict(ENVIRONMENT, LD_PRELOAD=str(library), READS=str(listing)))
        assert done.returncode == 0, done.stderr[-3000:]
        return Counter(listing.read_text().splitlines())

    return reads_of


def test_growing_opens_no_region_of_a_finished_tile(cohort, reads, tmp_path):
    config = write_config(tmp_path, [cohort[0]], tiles={"size_px": 256, "halo_px": 32},
                          workers={"reader": "openslide"},
                          task={"kind": "segment", "classes": [{"name": "nucleus"}]})
    part = reads(config, tmp_path / "run", "--set", "/sample/fraction=0.1")
    with results(tmp_path / "run") as file:
        pool = file["sample/pool"][:]
        tiles = {f"{max(0, file['pool/x'][i] - 32)} {max(0, file['pool/y'][i] - 32)}" for i in pool}
    # The slide's scan and calibration read level 0 too; every tile is among what was read.
    assert tiles <= {" ".join(region.split()[:2]) for region in part}
    grown = reads(config, tmp_path / "run", "--set", "/sample/fraction=1")
    assert grown and not grown.keys() & part.keys()
    again = reads(config, tmp_path / "run", "--set", "/sample/fraction=1")
    assert not again
    fresh = reads(config, tmp_path / "fresh", "--set", "/sample/fraction=1")
    assert fresh == part + grown
    assert differences(tmp_path / "run", tmp_path / "fresh") == ""
