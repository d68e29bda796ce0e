"""The bundle of scripts/bundle.sh runs where there is nothing but a shell, from any folder, gives the
results of the ordinary build and takes no library from the host. Needs root and busybox-static."""
import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from runs import BINARY, ENVIRONMENT, SOURCE, differences, run, write_config

USER = "1234:1234"  # of no /etc/passwd
MAX_BYTES = 60e6

# bare root: $1; what it shares with us, under the same name: $2; user: $3; command: $4.
BARE_ROOT = """set -e
chmod 755 "$1"
mkdir -p "$1/bin" "$1/proc" "$1/dev" "$1/tmp"
cp "$(command -v busybox)" "$1/bin/"
chroot "$1" /bin/busybox --install -s /bin
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
for device in null zero random urandom; do
  touch "$1/dev/$device"
  mount --bind "/dev/$device" "$1/dev/$device"
done
mkdir -m 1777 "$1/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mkdir -p "$1$2"
mount --bind "$2" "$1$2"
exec chroot --userspec="$3" "$1" /bin/env -i PATH=/bin NO_COLOR=1 /bin/sh -c "$4"
"""

# Loaded by its name, as CUDA's runtime loads the driver: `driver` as a GPU driver that the host has,
# `bmp` as the loader of that format by OpenSlide.
PROBE = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char** argv) {
  const int bmp = argc > 1 && argv[1][0] == 'b';
  void* library = dlopen(bmp ? "libgdk_pixbuf-2.0.so.0" : "libcuda.so.1", RTLD_NOW);
  if (!library) return puts(dlerror()), 1;
  if (!bmp) return ((int (*)(void))dlsym(library, "cuInit"))();
  return !((void* (*)(const char*, void*))dlsym(library, "gdk_pixbuf_loader_new_with_type"))("bmp", 0);
}
"""
DRIVER = "#include <pthread.h>\nint cuInit(void) { return pthread_self() == 0; }\n"


def why_not():
    if os.geteuid() != 0:
        return "only root may make a bare root"
    missing = [name for name in ("busybox", "unshare", "chroot") if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return "namespaces are not permitted" if done.returncode else ""


REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


class BareRoot:
    """A root without /lib, /usr and /etc. `folder` is seen in it under its own name."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder

    def do(self, command, user=USER, code=0):
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", BARE_ROOT, "sh",
             self.root, self.folder, user, f"cd {shlex.quote(str(self.folder))} && {command}"],
            capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr[-3000:]
        return done


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    done = subprocess.run([SOURCE / "scripts/bundle.sh", "--program", BINARY, "--out", folder],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("tilepool-*-linux-x86_64.tar.gz"))


@pytest.fixture(scope="module")
def bare(archive, tmp_path_factory):
    """With the bundle in folder/bundle and slides beside it, both made in there."""
    folder = tmp_path_factory.mktemp("shared")
    folder.chmod(0o777)
    shutil.copy(archive, folder / "bundle.tar.gz")
    bare_root = BareRoot(tmp_path_factory.mktemp("root"), folder)
    bare_root.do("tar xzf bundle.tar.gz && mv tilepool-* bundle && "
                 "bundle/bin/tilepool synth --out slides --slides 2 --size 1536 --seed 7")
    return bare_root


@pytest.fixture(scope="module")
def reference(bare, tmp_path_factory):
    """The ordinary program over the same slides."""
    config = write_config(bare.folder, sorted((bare.folder / "slides").glob("*.tif")),
                          tiles={"size_px": 512, "halo_px": 64}, run={"range_tiles": 2},
                          sample={"fraction": 0.5})
    run_dir = tmp_path_factory.mktemp("reference") / "run"
    run(config, run_dir)
    return config, run_dir


def test_the_archive_is_small_and_names_its_licences(archive, bare):
    assert archive.stat().st_size <= MAX_BYTES
    bundle = bare.folder / "bundle"
    table = (bundle / "LICENCES.txt").read_text()
    for package in ("libc6", "libopenmpi3", "openmpi-bin", "libhdf5-openmpi-103-1", "libopenslide0"):
        assert re.search(f"^{package} ", table, re.M), package
        assert (bundle / "licences" / package).stat().st_size > 500


def test_doctor_has_nothing_to_complain_of(bare):
    found = bare.do("bundle/bin/tilepool doctor").stdout
    assert "0 fail" in found and "0 warn" in found, found
    assert "PASS  mpirun" in found


@pytest.mark.parametrize("how", [
    "bundle/bin/tilepool run",
    "bundle/bin/mpirun --oversubscribe -n 3 bundle/bin/tilepool run",
    "bundle/bin/tilepool launch -n 3 run",
    "PATH=bundle/bin:$PATH; tilepool launch -n 2 run",
])
def test_results_are_those_of_the_ordinary_build(bare, reference, how):
    config, expected = reference
    run_dir = bare.folder / "run"
    shutil.rmtree(run_dir, ignore_errors=True)
    errors = bare.do(f"{how} {config} --run-dir {run_dir}").stderr
    assert "pmix" not in errors and "library" not in errors, errors
    assert differences(expected, run_dir) == ""


def test_the_folder_may_be_moved_and_linked_to(bare, reference):
    config, expected = reference
    bare.do("mkdir -p 'else where' && mv bundle 'else where/tp' && ln -sf 'else where/tp/bin/tilepool' it")
    try:
        bare.do(f"./it launch -n 3 run {config} --run-dir moved")
        assert differences(expected, bare.folder / "moved") == ""
    finally:
        bare.do("mv 'else where/tp' bundle")


def test_a_job_is_submitted_by_the_name_of_the_wrapper(bare, reference):
    config, _ = reference
    script = bare.do(f"bundle/bin/tilepool submit {config} --nodes 1 --gpus-per-node 0 --dry-run").stdout
    assert f"{bare.folder}/bundle/bin/tilepool" in script
    assert "runtime" not in script


def test_other_hosts_are_given_the_daemon_of_the_bundle(bare, reference):
    """Two hosts by name; ssh is a script that changes the name of the host."""
    config, expected = reference
    agent = bare.folder / "agent"
    agent.write_text('#!/bin/sh\nhost=$1\nshift\necho "$@" >>asked\n'
                     'exec unshare -u sh -c "hostname $host; mkdir -p /tmp/$host; '
                     'export TMPDIR=/tmp/$host; $*"\n')
    agent.chmod(0o755)
    bare.do("export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; "
            "export OMPI_MCA_mpi_yield_when_idle=1; "  # both share these cores
            "bundle/bin/mpirun --host here:1,there:2 --mca plm_rsh_agent $PWD/agent "
            f"bundle/bin/tilepool run {config} --run-dir two_hosts", user="0:0")
    assert f"{bare.folder}/bundle/bin/orted" in (bare.folder / "asked").read_text()
    assert differences(expected, bare.folder / "two_hosts") == ""


def test_without_ssh_another_host_is_refused_in_plain_words(bare):
    command = "bundle/bin/mpirun -n 2 --host elsewhere:2 bundle/bin/tilepool --version"
    assert "neither ssh nor rsh" in bare.do(f"{command}; true").stderr


@pytest.fixture
def probe(bare, tmp_path):
    (tmp_path / "probe.c").write_text(PROBE)
    (tmp_path / "driver.c").write_text(DRIVER)
    runtime = bare.folder / "bundle/runtime"
    subprocess.run(["cc", tmp_path / "probe.c", "-o", runtime / "probe"], check=True)
    # As drivers of today: built for an older glibc, of which these were libraries of their own.
    parts = [runtime / name for name in ("libdl.so.2", "libpthread.so.0", "librt.so.1")]
    driver = bare.root / "usr/lib64/libcuda.so.1"
    driver.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "driver.c", "-o", driver,
                    "-Wl,--no-as-needed", *parts], check=True)
    wrapper = bare.folder / "bundle/bin/probe"
    wrapper.write_text((SOURCE / "scripts/bundle/start.sh").read_text().replace("@PROGRAM@", "probe"))
    wrapper.chmod(0o755)
    yield
    shutil.rmtree(driver.parent)
    wrapper.unlink()
    (runtime / "probe").unlink()


@pytest.mark.parametrize("what", ["driver", "bmp"])
def test_what_is_loaded_by_name_is_found(bare, probe, what):
    bare.do(f"bundle/bin/probe {what}")


def mapped_files(mark, loader):
    """Programs and libraries in the processes that have `mark` in their environment and run by
    `loader`."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (mark.encode() in (process / "environ").read_bytes()
                    and os.readlink(process / "exe") == str(loader)):
                found |= set(re.findall(r" (/.*)$", (process / "maps").read_text(), re.M))
        except OSError:  # it has ended
            pass
    return found


def test_on_a_host_with_libraries_only_those_of_the_bundle_are_loaded(bare, reference, tmp_path):
    config, expected = reference
    bundle = bare.folder / "bundle"
    (tmp_path / "libtiff.so.6").write_text("no library\n")
    ours = subprocess.run(["ldd", BINARY], capture_output=True, text=True).stdout
    preloaded = re.search(r"libz\S* => (\S+)", ours).group(1)
    mark = f"BUNDLE_TEST={tmp_path}"
    process = subprocess.Popen(
        ["bundle/bin/tilepool", "launch", "-n", "3", "run", config, "--run-dir", tmp_path / "run"],
        cwd=bare.folder, stderr=subprocess.PIPE, text=True,
        env=dict(ENVIRONMENT, BUNDLE_TEST=str(tmp_path), LD_LIBRARY_PATH=str(tmp_path),
                 LD_PRELOAD=preloaded))
    found = set()
    while process.poll() is None:
        found |= mapped_files(mark, bundle / "runtime/ld-linux-x86-64.so.2")
        time.sleep(0.05)
    assert process.returncode == 0, process.stderr.read()
    assert {"tilepool", "mpirun"} <= {Path(f).name for f in found if Path(f).parent.name == "runtime"}
    loaded = {f for f in found if ".so" in Path(f).name}
    assert len(loaded) > 100
    assert [f for f in loaded if not f.startswith(f"{bundle}/")] == []
    assert differences(expected, tmp_path / "run") == ""
