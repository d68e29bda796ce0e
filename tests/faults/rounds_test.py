"""A short round of rounds.py."""
from faults import Cohort
from rounds import play


def test_six_random_rounds_lose_nothing(tmp_path):
    cohort = Cohort(tmp_path, slides=2)
    assert play(6, 1000, cohort, tmp_path) == []
