"""Randomised kill-and-resume rounds: any rank, any moment, any number of ranks, several launchers.

    TILEPOOL_BINARY=... TILEPOOL_SOURCE_DIR=... rounds.py [ROUNDS [SEED]]

Each round starts a run, kills one of its ranks (or all, or stops one) at a random moment, starts it
again until it is done, and holds its results against an undisturbed run's. Prints a line a round and
a summary; exit code 1 when a round's results differ or files are left behind. Question: does anything
ever get lost, doubled or changed? The last result is in docs/reliability.md.
"""
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from faults import Attempt, Cohort, strays
from runs import differences, status

RUN_S = 5.0  # about as long as a run of the cohort takes with SLOW
SLOW = "at=compute do=slow"  # a tenth of a second a tile: most moments fall into processing


def pids(run_dir):
    try:
        return {rank["rank"]: rank["pid"] for rank in status(run_dir)["ranks"]}
    except (OSError, ValueError):
        return {}


def hurt(attempt, chance):
    """Waits a random while, then kills or stops somebody; what was done, in words."""
    until = time.monotonic() + chance.uniform(0, RUN_S)
    while time.monotonic() < until and attempt.process.poll() is None:
        time.sleep(0.01)
    ranks = pids(attempt.run_dir)
    if attempt.process.poll() is not None or not ranks:
        return "nothing"
    deed = chance.choice([signal.SIGKILL] * 5 + [signal.SIGSTOP, signal.SIGTERM])
    victims = chance.choice([[chance.choice(sorted(ranks))]] * 4 + [sorted(ranks)])
    for rank in victims:
        try:
            os.kill(ranks[rank], deed)
        except ProcessLookupError:
            pass
    return f"{deed.name} to {','.join(map(str, victims))} in {status(attempt.run_dir)['state']}"


def one_round(cohort, run_dir, chance):
    """The story of the round in words; AssertionError when something is wrong."""
    story = []
    for start in range(12):
        launcher = chance.choice(["launch", "launch", "mpirun", "alone"])
        ranks = chance.randint(2, 5)
        attempt = Attempt(cohort.config, run_dir, launcher=launcher, ranks=ranks, fault=SLOW)
        deed = hurt(attempt, chance) if start < 3 else "nothing"
        if "SIGSTOP" in deed and launcher != "launch":
            resume_stopped(attempt)
        code, output, _ = attempt.end(limit_s=120)
        story.append(f"{launcher} -n {ranks}: {deed} -> {code}")
        assert code not in (3, 64, 66, 70, 74, 78), f"{story}\n{output[-2000:]}"
        if code == 0 and status(run_dir)["state"] == "done":
            break
    else:
        raise AssertionError(f"not done after {len(story)} starts: {story}")
    difference = differences(cohort.reference, run_dir)
    assert difference == "", f"{story}\n{difference}"
    left = strays(run_dir)
    assert not left, f"{story}: left behind: {left}"
    return "; ".join(story)


def resume_stopped(attempt):
    """Without launch nobody ends a stopped rank for us: it goes on after a while."""
    time.sleep(6)
    for pid in pids(attempt.run_dir).values():
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def play(rounds, seed, cohort, folder):
    failed = []
    for number in range(rounds):
        run_dir = Path(folder) / f"round-{number}"
        try:
            print(f"{number + 1:4d} equal   {one_round(cohort, run_dir, random.Random(seed + number))}",
                  flush=True)
            shutil.rmtree(run_dir)
        except AssertionError as error:
            failed.append(number)
            print(f"{number + 1:4d} FAILED  seed {seed + number}: {error}", flush=True)
    print(f"{rounds - len(failed)} of {rounds} rounds equal, seeds {seed}..{seed + rounds - 1}")
    return failed


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        cohort = Cohort(Path(folder), slides=2)
        return 1 if play(rounds, seed, cohort, folder) else 0


if __name__ == "__main__":
    sys.exit(main())
