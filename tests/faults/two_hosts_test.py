"""Faults on two hosts under `tilepool launch`: a worker of the second host, the whole second host,
the cable between them, the master. Every run ends by itself or is resumed by the same command, and
its results equal those of the undisturbed run. TILEPOOL_LONG_TESTS=1 tries all of them."""
import json
import os
import time
from dataclasses import dataclass
from typing import Callable, Optional

import pytest
from faults import Cohort, record, strays
from hosts import FIRST, SECOND, Hosts, why_not
from runs import BINARY, differences, status

REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

END_LIMIT_S = 60  # within which every run must end by itself
SECOND_RANKS = (2, 3)  # rank 0, the master, and 1 are on the first host


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    cohort = Cohort(tmp_path_factory.mktemp("cohort"), size_px=4096, tile_px=512)
    cohort.config = cohort.write_config("two_hosts.json", tile_px=512, silent_limit_s=6,
                                        heartbeat_s=0.25)
    return cohort


@pytest.fixture
def hosts(tmp_path):
    folder = tmp_path / "hosts"
    folder.mkdir()
    with Hosts(folder) as both:
        yield both


class Run:
    """One start of the program on both hosts."""

    def __init__(self, hosts, cohort, run_dir, number=1, fault="", options=(), slots=(2, 2)):
        self.hosts, self.run_dir = hosts, run_dir
        hostfile = hosts.folder / "hostfile"
        hostfile.write_text("".join(f"{host} slots={n}\n"
                                    for host, n in zip((FIRST, SECOND), slots) if n))
        self.log = hosts.folder / f"run-{number}.log"
        self.begin = time.monotonic()
        first = FIRST if slots[0] else SECOND
        self.process = hosts.start(
            first, [BINARY, "launch", "-n", sum(slots), "--hostfile", hostfile, *options, "run",
                    cohort.config, "--run-dir", run_dir], self.log, TILEPOOL_FAULT=fault)

    def wait_for(self, condition):
        """Until condition() holds; the run must not end before."""
        while not condition():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() - self.begin < END_LIMIT_S, self.output()
            time.sleep(0.02)

    def wait_for_commits(self, ranks):
        """Until each of the ranks has committed a range."""
        self.wait_for(lambda: set(ranks) <= {e["rank"] for e in events(self.run_dir)
                                             if e["event"] == "committed"})

    def wait_for_packing(self):
        self.wait_for((self.run_dir / ".packing").exists)

    def output(self):
        return self.log.read_text()[-4000:]

    def end(self):
        """(exit code, seconds)"""
        while self.process.poll() is None:
            assert time.monotonic() - self.begin < END_LIMIT_S, f"no end: {self.output()}"
            time.sleep(0.02)
        return self.process.returncode, time.monotonic() - self.begin


def events(run_dir):
    try:
        lines = (run_dir / "events.jsonl").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def kill_second_host(hosts, run):
    run.wait_for_commits(SECOND_RANKS)
    hosts.kill(SECOND)


def cut_power_of_second_host(hosts, run):
    run.wait_for_commits(SECOND_RANKS)
    hosts.cut_power(SECOND)


def kill_second_host_and_network(hosts, run):
    kill_second_host(hosts, run)
    run.wait_for(lambda: not hosts.connected(FIRST))  # so that what is sent needs a new connection
    hosts.unplug(FIRST)


def kill_packing_host(hosts, run):
    run.wait_for_packing()
    hosts.kill(SECOND)


def cut_power_of_packing_host(hosts, run):
    run.wait_for_packing()
    hosts.cut_power(SECOND)


def cut_cable(hosts, run):
    run.wait_for_commits(SECOND_RANKS)
    hosts.cut_cable(SECOND)


def cut_cable_for_5_s(hosts, run):
    cut_cable(hosts, run)
    time.sleep(5)  # the fault itself
    hosts.mend_cable(SECOND)


def cut_cable_while_packing(hosts, run):
    run.wait_for_packing()
    hosts.cut_cable(SECOND)


def kill_master(hosts, run):
    run.wait_for_commits((1, *SECOND_RANKS))
    pid = next(r["pid"] for r in status(run.run_dir)["ranks"] if r["rank"] == 0)
    hosts.do(FIRST, "kill", "-KILL", pid)


@dataclass
class Case:
    fault: str
    where: str
    codes: set  # that the first attempt may end with
    spec: str = ""  # TILEPOOL_FAULT
    hurt: Optional[Callable] = None  # or what is done from outside
    lost: tuple = ()  # ranks that the master must have written off when the run ends by itself
    long: bool = True

    @property
    def name(self):
        return f"{self.fault}, {self.where}"


HOLD_PACK = "at=pack do=hang rank=3"  # so that the fault falls into packing
CASES = [
    Case("SIGKILL", "remote worker reading", {0}, "at=read do=kill rank=2 nth=3", lost=(2,)),
    Case("SIGKILL", "remote worker computing", {0}, "at=compute do=kill rank=2 nth=5", lost=(2,),
         long=False),
    Case("SIGKILL", "remote worker committing", {0}, "at=commit do=kill rank=2 nth=4", lost=(2,)),
    Case("exit", "remote worker in mid-write", {0}, "at=write do=exit rank=2 nth=4", lost=(2,)),
    Case("SIGKILL", "remote worker packing", {75}, "at=pack do=kill rank=2"),
    Case("SIGSTOP", "remote worker computing", {0}, "at=compute do=stop rank=2 nth=5", lost=(2,),
         long=False),
    Case("host killed", "second host computing", {0}, hurt=kill_second_host, lost=SECOND_RANKS,
         long=False),
    Case("power cut", "second host computing", {0}, hurt=cut_power_of_second_host,
         lost=SECOND_RANKS),
    Case("host killed", "second host computing, the first loses its interface", {0},
         hurt=kill_second_host_and_network, lost=SECOND_RANKS),
    Case("host killed", "second host packing", {75}, HOLD_PACK, kill_packing_host, long=False),
    Case("power cut", "second host packing", {75}, HOLD_PACK, cut_power_of_packing_host),
    Case("link down 5 s", "between the hosts, computing", {0}, hurt=cut_cable_for_5_s,
         long=False),
    Case("link down for good", "between the hosts, computing", {0}, hurt=cut_cable,
         lost=SECOND_RANKS, long=False),
    Case("link down for good", "between the hosts, packing", {75}, HOLD_PACK,
         cut_cable_while_packing),
    Case("SIGKILL", "master, workers on both hosts", {75}, hurt=kill_master, long=False),
]


def needs_time(long):
    if long and not os.environ.get("TILEPOOL_LONG_TESTS"):
        pytest.skip("a long test: TILEPOOL_LONG_TESTS=1")


def hold_against(cohort, run_dir, fault, where, codes, seconds, launcher="launch"):
    """The results against those of the undisturbed run; a row for the table."""
    difference = differences(cohort.reference, run_dir)
    record(environment="two hosts", launcher=launcher, fault=fault, where=where, codes=codes,
           seconds=round(seconds, 1), h5diff="differs" if difference else "equal",
           end="by itself" if len(codes) == 1 else "resumed by the same command")
    assert difference == ""
    assert status(run_dir)["exit_code"] == codes[-1] == 0
    assert strays(run_dir) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_launch_survives(case, hosts, cohort, tmp_path):
    needs_time(case.long)
    run_dir = tmp_path / "run"
    run = Run(hosts, cohort, run_dir, fault=case.spec)
    if case.hurt:
        case.hurt(hosts, run)
    code, seconds = run.end()
    codes = [code]
    assert code in case.codes, run.output()
    if code == 0:
        lost = {e["rank"] for e in events(run_dir) if e["event"] == "worker-lost"}
        assert set(case.lost) <= lost, run.output()
    else:
        hosts.repair(SECOND)
        again = Run(hosts, cohort, run_dir, number=2)
        codes.append(again.end()[0])
        assert codes[-1] == 0, again.output()
    hold_against(cohort, run_dir, case.fault, case.where, codes, seconds)


def test_restarts_do_without_the_host_that_died_in_packing(hosts, cohort, tmp_path):
    run = Run(hosts, cohort, tmp_path / "run", fault=HOLD_PACK, options=["--restarts", "1"])
    kill_packing_host(hosts, run)
    code, seconds = run.end()
    assert code == 0, run.output()
    assert "starting again (1 of 1)" in run.output()
    assert "without the hosts that were lost" in run.output()
    hold_against(cohort, tmp_path / "run", "host killed", "second host packing", [code], seconds,
                 launcher="launch --restarts 1")


def test_the_other_host_takes_over_when_the_first_is_dead(hosts, cohort, tmp_path):
    """Master, mpirun and launch die with their host. The ranks on the other one leave when the
    master's lock shows no life, and the command given there finishes the run."""
    needs_time(True)
    run = Run(hosts, cohort, tmp_path / "run")
    run.wait_for_commits((1, *SECOND_RANKS))
    hosts.cut_power(FIRST)
    again = Run(hosts, cohort, tmp_path / "run", number=2, slots=(0, 3))
    code, seconds = again.end()
    assert code == 0, again.output()
    killed = run.process.wait()  # launch's own end: no code of a run
    hold_against(cohort, tmp_path / "run", "power cut", "first host computing", [killed, code],
                 seconds, launcher="launch, resumed on the second host")
