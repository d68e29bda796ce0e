"""The scripts of slurm/ and those that `tilepool submit` writes are the same; no Slurm needed."""
import json
import os
import subprocess

import pytest

from runs import BINARY, SOURCE

SCRIPTS = SOURCE / "slurm"

# The values that stand in each script of slurm/, as options of submit.
EXAMPLES = {
    "one-node": ("--nodes=1", "--gpus-per-node=0", "--ranks-per-node=9", "--cpus-per-task=2",
                 "--mem=32G", "--time=08:00:00"),
    "several-nodes": ("--nodes=4", "--gpus-per-node=0", "--ranks-per-node=8", "--cpus-per-task=2",
                      "--mem=32G", "--time=8:00:00"),
    "multi-gpu": ("--nodes=2", "--gpus-per-node=4", "--cpus-per-task=8", "--mem=128G",
                  "--time=0-08"),
}


@pytest.fixture
def config(tmp_path):
    (tmp_path / "slide.tif").write_bytes(b"")
    path = tmp_path / "my config.json"
    path.write_text(json.dumps({"slides": ["slide.tif"]}))
    return path


def submit(config, *options, code=0, path="/nonexistent"):
    """Without sinfo in $PATH: the dry run assumes a cluster."""
    done = subprocess.run([BINARY, "submit", config, *options], capture_output=True, text=True,
                          env=dict(os.environ, PATH=path), cwd=config.parent)
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize("name", EXAMPLES)
def test_submit_writes_the_script_that_is_here(config, name):
    written = submit(config, *EXAMPLES[name], "--dry-run")
    shebang, rest = (SCRIPTS / f"{name}.sbatch").read_text().split("\n", 1)
    head, tail = rest.split("# shellcheck source=slurm/job.sh\n")
    sourced, tail = tail.split("\n", 1)
    assert sourced == 'source "${TILEPOOL_SLURM:-$SLURM_SUBMIT_DIR/slurm}/job.sh"'
    folder = config.parent
    assert written.stdout == (
        f"{shebang}\n# Written by tilepool submit after slurm/{name}.sbatch.\n{head}"
        f"{(SCRIPTS / 'job.sh').read_text()}\nTILEPOOL='{BINARY}'\n"
        f"set -- '{config}' '--run-dir' '{folder}/runs/my config'\n{tail}")
    assert "there is no sinfo in $PATH; assumed are nodes of" in written.stderr


def test_words_reach_the_shell_as_they_are(config, tmp_path):
    sets = ["/slides/-=it's \"$HOME\" `x`.tif", "/sample/seed=7"]
    script = submit(config, *EXAMPLES["one-node"], "--dry-run",
                    *[word for value in sets for word in ("--set", value)]).stdout
    line = next(line for line in script.splitlines() if line.startswith("set -- "))
    words = subprocess.run(["bash", "-c", f'{line}; printf "%s\\n" "$@"'], capture_output=True,
                           text=True).stdout.splitlines()
    assert words == [str(config), "--run-dir", f"{tmp_path}/runs/my config", "--set", sets[0],
                     "--set", sets[1]]


def test_without_slurm_nothing_is_submitted(config):
    refused = submit(config, "--nodes=1", "--gpus-per-node=0", code=64)
    assert refused.stdout == ""
    assert "there is no sinfo in $PATH; submit from a login node" in refused.stderr


def test_contradictions_with_the_configuration_are_told(config):
    for options, expected in [
            (("--gpus-per-node=0", "--set", "/workers/device=cuda"), "give --gpus-per-node"),
            (("--gpus-per-node=2", "--set", "/workers/device=cpu"), "the GPUs would idle"),
            (("--gpus-per-node=0", "--mem=4G", "--ranks-per-node=2", "--set",
              "/memory/host_per_rank=4GiB"), "but --mem is 4.00 GiB")]:
        assert expected in submit(config, "--nodes=1", "--dry-run", *options, code=78).stderr


def test_a_missing_cohort_is_told_before_the_queue(config):
    (config.parent / "slide.tif").unlink()
    submit(config, "--nodes=1", "--gpus-per-node=0", "--dry-run", code=66)


def test_all_scripts_are_clean(config):
    files = [*sorted(SCRIPTS.glob("*.sbatch")), SCRIPTS / "job.sh"]
    assert len(files) == 5
    done = subprocess.run(["shellcheck", "-x", *files], capture_output=True, text=True, cwd=SOURCE)
    assert done.returncode == 0, done.stdout
    script = config.parent / "written.sh"
    script.write_text(submit(config, *EXAMPLES["multi-gpu"], "--dry-run").stdout)
    done = subprocess.run(["shellcheck", "--severity=warning", script], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout
