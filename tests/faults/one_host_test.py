"""Faults on one host: whatever dies, stops or fails, the run ends by itself or is resumed by the same
command, and its results equal those of the undisturbed run."""
import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from faults import Attempt, Cohort, record, strays, survive
from runs import BINARY, ENVIRONMENT, differences, ledger, results, status


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return Cohort(tmp_path_factory.mktemp("faults"))


SLOW = "at=compute do=slow"  # a tenth of a second a tile: time to act from outside


def busy(state):
    return state["state"] == "processing" and state["tiles_done"] > 0


# (fault, where, TILEPOOL_FAULT, exit codes of the first attempt)
WORKER_FAULTS = [
    ("SIGKILL", "worker scanning", "at=scan do=kill rank=2 nth=1", {0}),
    ("SIGKILL", "worker calibrating", "at=calibrate do=kill rank=2 nth=1", {0}),
    ("SIGKILL", "worker reading", "at=read do=kill rank=2 nth=3", {0}),
    ("SIGKILL", "worker computing", "at=compute do=kill rank=2 nth=3", {0}),
    ("SIGKILL", "worker in mid-write", "at=write do=kill rank=2 nth=4", {0}),
    ("SIGKILL", "worker committing", "at=commit do=kill rank=2 nth=4", {0}),
    ("SIGKILL", "worker packing", "at=pack do=kill rank=2 nth=2", {75}),
    ("SIGSTOP", "worker reading", "at=read do=stop rank=2 nth=3", {0}),
    ("SIGSTOP", "worker committing", "at=commit do=stop rank=2 nth=4", {0}),
    ("SIGSTOP", "worker packing", "at=pack do=stop rank=2 nth=2", {75}),
    ("exit", "worker in mid-write", "at=write do=exit rank=2 nth=4", {0}),
    ("exit", "worker packing", "at=pack do=exit rank=2 nth=2", {75}),
    ("SIGSEGV", "worker computing", "at=compute do=segv rank=2 nth=3", {0}),
    ("hang", "worker computing", "at=compute do=hang rank=2 nth=3", {0}),
    ("SIGKILL", "two of three workers", "at=compute do=kill rank=1 nth=2;"
                                        "at=compute do=kill rank=3 nth=4", {0}),
    ("SIGKILL", "every worker", "at=compute do=kill nth=5", {75}),
    ("EIO once", "worker writing", "at=write do=eio rank=2 nth=4", {0}),
]
MASTER_FAULTS = [
    ("SIGKILL", "master planning", "at=plan do=kill rank=0", {75}),
    ("SIGSTOP", "master planning", "at=plan do=stop rank=0", {75}),
    ("SIGKILL", "master committing", "at=commit do=kill rank=0 nth=6", {75}),
    ("SIGKILL", "master packing", "at=pack do=kill rank=0 nth=2", {75}),
    ("exit", "master packing", "at=pack do=exit rank=0 nth=2", {75}),
]


@pytest.mark.parametrize(("fault", "where", "spec", "codes"), WORKER_FAULTS + MASTER_FAULTS,
                         ids=lambda value: value if isinstance(value, str) else "")
def test_launch_survives(cohort, tmp_path, fault, where, spec, codes):
    survive(cohort, tmp_path / "run", fault, where, spec=spec, expected=codes)


@pytest.mark.parametrize(("where", "spec"), [
    ("worker computing", "at=compute do=kill rank=2 nth=3"),
    ("worker packing", "at=pack do=kill rank=2 nth=2"),
    ("master planning", "at=plan do=kill rank=0")])
def test_plain_mpirun_ends_and_resumes(cohort, tmp_path, where, spec):
    # mpirun's own code for a killed rank is 137, or that of a rank that it ended.
    survive(cohort, tmp_path / "run", "SIGKILL", where, launcher="mpirun", spec=spec,
            expected={75, 137, 143})


def test_one_process_resumes_after_a_kill(cohort, tmp_path):
    survive(cohort, tmp_path / "run", "SIGKILL", "the only process", launcher="alone",
            spec="at=commit do=kill nth=9", expected={-9})


def cgroup_limit(attempt):
    """Memory of worker 2 is limited to little more than it has: the kernel kills it."""
    group = Path("/sys/fs/cgroup/memory") / f"tilepool-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        attempt.end()
        pytest.skip(f"no memory cgroup can be made: {error}")
    pid = attempt.pid_of(2)
    (group / "memory.limit_in_bytes").write_text(str(1 << 20))
    (group / "cgroup.procs").write_text(str(pid))


def test_a_worker_killed_for_memory_by_its_cgroup(cohort, tmp_path):
    try:
        survive(cohort, tmp_path / "run", "OOM (cgroup)", "worker", hurt=cgroup_limit, expected={0})
    finally:
        for group in Path("/sys/fs/cgroup/memory").glob(f"tilepool-test-{os.getpid()}"):
            group.rmdir()


def test_a_worker_that_gets_no_memory_any_more(cohort, tmp_path):
    def no_more_memory(attempt):
        resource.prlimit(attempt.pid_of(2), resource.RLIMIT_AS, (1 << 20, 1 << 20))
    survive(cohort, tmp_path / "run", "no memory (ulimit)", "worker", hurt=no_more_memory,
            expected={0})


def test_restarts_finish_without_a_hand(cohort, tmp_path):
    attempt = Attempt(cohort.config, tmp_path / "run", fault="at=pack do=kill rank=2 nth=2",
                      launch_options=["--restarts", "1"])
    code, output, seconds = attempt.end()
    assert code == 0, output
    assert "starting again" in output
    assert differences(cohort.reference, tmp_path / "run") == ""
    record(environment="one host", launcher="launch --restarts 1", fault="SIGKILL",
           where="worker packing", codes=[code], seconds=round(seconds, 1), end="by itself")


@pytest.mark.parametrize("launcher", ["launch", "alone"])
def test_a_poison_tile_costs_itself(cohort, tmp_path, launcher):
    """A tile whose computation crashes the process: found by the crash's note, tried once more, then
    marked failed; alone, the same command is given until it ends."""
    codes = []
    while not codes or codes[-1] not in (0, 3):
        assert len(codes) < 4, codes
        attempt = Attempt(cohort.config, tmp_path / "run", launcher=launcher,
                          fault="at=compute do=segv index=17")
        code, output, _ = attempt.end()
        codes.append(code)
    assert codes == ([3] if launcher == "launch" else [-11, -11, 3]), output
    with results(cohort.reference) as whole, results(tmp_path / "run") as hurt:
        expected = whole["sample/n_cells"][:]
        expected[17] = 0
        assert (hurt["sample/n_cells"][:] == expected).all()
        assert [i for i, s in enumerate(hurt["sample/status"][:]) if s != 1] == [17]


def test_a_poison_slide_costs_itself(cohort, tmp_path):
    attempt = Attempt(cohort.config, tmp_path / "run", fault="at=scan do=segv index=1")
    code, output, _ = attempt.end()
    assert code == 3, output
    states = [row["status"] for row in ledger(tmp_path / "run").values()]
    assert sorted(states) == ["failed", "success", "success"]


@pytest.mark.parametrize(("number", "limit_s"),
                         [(signal.SIGTERM, 60), (signal.SIGINT, 60), (signal.SIGUSR1, 60)])
def test_a_signal_to_launch_stops_the_run(cohort, tmp_path, number, limit_s):
    def stop(attempt):
        attempt.wait_for(busy)
        os.kill(attempt.process.pid, number)
    begin = time.monotonic()
    survive(cohort, tmp_path / "run", signal.Signals(number).name, "launch", hurt=stop,
            spec=SLOW, expected={75})
    assert time.monotonic() - begin < limit_s + 60


def test_a_second_interrupt_ends_at_once(cohort, tmp_path):
    def interrupt_twice(attempt):
        attempt.wait_for(busy)
        os.kill(attempt.process.pid, signal.SIGINT)
        os.kill(attempt.process.pid, signal.SIGINT)
        time.sleep(0.3)  # signals of one kind that are pending merge
        os.kill(attempt.process.pid, signal.SIGINT)
    survive(cohort, tmp_path / "run", "SIGINT twice", "launch", hurt=interrupt_twice,
            spec=SLOW, expected={75})


def test_the_time_limit_is_kept_and_what_is_whole_is_kept(cohort, tmp_path):
    """Work for 14 s and a limit of 12: the run leaves before it with what is committed."""
    config = cohort.write_config("limited.json", max_runtime_s=12)
    attempt = Attempt(config, tmp_path / "run", ranks=2, fault=SLOW)
    code, output, _ = attempt.end()
    assert code == 75, output
    assert "the time limit is near" in output
    assert status(tmp_path / "run")["elapsed_s"] < 12
    assert status(tmp_path / "run")["tiles_done"] > 0
    again = Attempt(cohort.config, tmp_path / "run")
    code, output, _ = again.end()
    assert code == 0, output
    assert "tiles are committed already" in output
    assert differences(cohort.reference, tmp_path / "run") == ""


def test_two_masters_are_impossible(cohort, tmp_path):
    first = Attempt(cohort.config, tmp_path / "run", ranks=2, fault=SLOW)
    first.wait_for(lambda state: state["state"] != "starting")
    second = Attempt(cohort.config, tmp_path / "run", launcher="alone")
    code, output, _ = second.end()
    assert code == 75, output
    assert "is being worked on by process" in output and "since 20" in output
    code, output, _ = first.end()
    assert code == 0, output
    assert differences(cohort.reference, tmp_path / "run") == ""


@pytest.mark.parametrize("deed", ["eio", "enospc", "edquot", "erofs"])
def test_a_directory_that_takes_no_more_stops_the_run(cohort, tmp_path, deed):
    spec = ";".join(f"at=write do={deed} nth={n}" for n in range(6, 40))
    survive(cohort, tmp_path / "run", deed.upper(), "every worker writing", spec=spec,
            expected={74})


def test_a_run_directory_that_vanishes(cohort, tmp_path):
    def take_away(attempt):
        attempt.wait_for(busy)
        (tmp_path / "run").rename(tmp_path / "elsewhere")
    attempt = Attempt(cohort.config, tmp_path / "run", fault=SLOW)
    take_away(attempt)
    code, output, _ = attempt.end()
    assert code in (74, 75), output
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    (tmp_path / "elsewhere").rename(tmp_path / "run")
    again = Attempt(cohort.config, tmp_path / "run")
    code, output, _ = again.end()
    assert code == 0, output
    assert differences(cohort.reference, tmp_path / "run") == ""


def test_a_read_only_file_system_is_refused_and_nothing_is_lost(cohort, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tilepool", disk],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount: {mounted.stderr}")
    try:
        attempt = Attempt(cohort.config, disk / "run", fault=SLOW)
        attempt.wait_for(busy)
        os.kill(attempt.process.pid, signal.SIGTERM)
        assert attempt.end()[0] == 75
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        code, output, _ = Attempt(cohort.config, disk / "run").end()
        assert code == 74, output
        assert "Read-only file system" in output
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        code, output, _ = Attempt(cohort.config, disk / "run").end()
        assert code == 0, output
        assert differences(cohort.reference, disk / "run") == ""
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_slide_that_disappears_fails_alone(cohort, tmp_path):
    slides = tmp_path / "slides"
    shutil.copytree(cohort.folder / "slides", slides)
    config = tmp_path / "config.json"
    config.write_text(cohort.config.read_text().replace(str(cohort.folder / "slides"),
                                                        str(slides)))
    victim = sorted(slides.glob("*.tif"))[-1]
    attempt = Attempt(config, tmp_path / "run", ranks=2,
                      fault="at=plan do=stop rank=0", launcher="mpirun")
    pid = attempt.pid_of(0)
    while Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        assert attempt.process.poll() is None
        time.sleep(0.02)
    victim.write_bytes(b"no slide any more")
    os.kill(pid, signal.SIGCONT)
    code, output, _ = attempt.end()
    assert code == 3, output
    rows = ledger(tmp_path / "run")
    assert rows[victim.stem]["status"] == "failed", rows
    assert [r["status"] for k, r in rows.items() if k != victim.stem] == ["success"] * 2


def test_a_flipped_bit_in_a_range_file_is_found_and_computed_again(cohort, tmp_path):
    attempt = Attempt(cohort.config, tmp_path / "run", fault=SLOW)
    attempt.wait_for(lambda state: busy(state) and state["tiles_done"] >= 16)
    os.kill(attempt.process.pid, signal.SIGTERM)
    code, output, _ = attempt.end()
    assert code == 75, output
    file = max((tmp_path / "run/ranges").glob("*.h5"), key=lambda f: f.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    file.write_bytes(data)
    again = Attempt(cohort.config, tmp_path / "run")
    code, output, _ = again.end()
    assert code == 0, output
    assert "its tiles are computed again" in output
    assert differences(cohort.reference, tmp_path / "run") == ""


NO_LOCKS = """#include <errno.h>
int flock(int file, int operation) { (void)file; (void)operation; errno = ENOLCK; return -1; }
"""


def test_a_file_system_without_locks(cohort, tmp_path):
    """flock() fails as it does on file systems mounted without it."""
    (tmp_path / "no_locks.c").write_text(NO_LOCKS)
    library = tmp_path / "no_locks.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "no_locks.c"], check=True)
    environment = dict(ENVIRONMENT, LD_PRELOAD=str(library))
    doctor = subprocess.run([BINARY, "doctor", "--run-dir", tmp_path / "run"], text=True,
                            env=environment, capture_output=True)
    assert "files cannot be locked" in doctor.stdout
    for launcher, name in (([], "alone"), (["mpirun", "--oversubscribe", "-n", "3"], "together")):
        done = subprocess.run([*launcher, BINARY, "run", cohort.config, "--run-dir",
                               tmp_path / name], text=True, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert differences(cohort.reference, tmp_path / name) == ""


@pytest.mark.parametrize("run_dir", [["--run-dir", "deep/run"], []])
def test_doctor_kills_a_worker(tmp_path, run_dir):
    """Without a run directory it ended in an internal error."""
    done = subprocess.run([BINARY, "doctor", "--kill-a-worker", *run_dir], cwd=tmp_path,
                          text=True, env=ENVIRONMENT, capture_output=True, timeout=90)
    assert "PASS  a killed worker" in done.stdout, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_leaves_nothing_behind(cohort):
    assert strays(cohort.reference) == []
    assert status(cohort.reference)["state"] == "done"
