"""The sample, recomputed by an independent script from the pool that plan.h5 tells."""
import struct

import h5py
import numpy as np
import pytest
import xxhash

from runs import cohort, results, run, texts, write_config

TASK = {"tiles": {"size_px": 128, "halo_px": 0}, "task": {"kind": "tile-features"}}


def read_plan(run_dir):
    """[(slide id, x, y)] of the pool, its keys, and the sampled pool indices."""
    with h5py.File(run_dir / "plan.h5", "r") as file:
        ids = texts(file["slides/id"])
        pool = [(ids[s], int(x), int(y)) for s, x, y in
                zip(file["pool/slide"][:], file["pool/x"][:], file["pool/y"][:])]
        return pool, file["pool/key"][:].tolist(), file["sample/pool"][:].tolist()


def key_of(tile, seed):
    slide, x, y = tile
    return xxhash.xxh64(slide.encode() + b"\0" + struct.pack("<qq", x, y), seed=seed).intdigest()


def bottom_n(pool, n, seed):
    order = sorted(range(len(pool)), key=lambda i: (key_of(pool[i], seed), pool[i][0].encode(),
                                                    pool[i][2], pool[i][1]))
    return sorted(order[:n])


@pytest.fixture(scope="module")
def planned(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    plans = {}
    for name, sample in {"tenth": {"fraction": 0.1}, "fifth": {"fraction": 0.2},
                         "count": {"count": 17}, "seed": {"fraction": 0.1, "seed": 43},
                         "slide": {"fraction": 0.1, "stratify_by": "slide"}}.items():
        config = write_config(folder, cohort, **TASK, sample=sample)
        run(config, folder / name)
        plans[name] = read_plan(folder / name)
    run(write_config(folder, cohort[:2], **TASK, sample={"fraction": 0.1}), folder / "two")
    plans["two"] = read_plan(folder / "two")
    return plans


def test_keys_and_tiles_are_those_of_the_contract(planned):
    for name, seed in (("tenth", 42), ("fifth", 42), ("count", 42), ("seed", 43)):
        pool, keys, sample = planned[name]
        assert keys == [key_of(tile, seed) for tile in pool]
        n = 17 if name == "count" else int(np.floor((0.2 if name == "fifth" else 0.1) * len(pool)
                                                    + 0.5))
        assert sample == bottom_n(pool, n, seed), name


def test_the_pool_is_ordered(planned):
    pool = planned["tenth"][0]
    order = [(slide.encode(), y, x) for slide, x, y in pool]
    assert order == sorted(order) and len(set(order)) == len(order) > 100


def test_a_fifth_contains_the_tenth(planned):
    assert set(planned["tenth"][2]) < set(planned["fifth"][2])


def test_another_seed_draws_other_tiles(planned):
    assert planned["seed"][2] != planned["tenth"][2]


def test_a_slide_more_changes_no_other_key(planned):
    three = dict(zip(planned["tenth"][0], planned["tenth"][1]))
    for tile, key in zip(planned["two"][0], planned["two"][1]):
        assert three[tile] == key


def test_stratified_by_slide_each_gets_its_share(planned):
    pool, _, sample = planned["slide"]
    sizes, drawn = {}, {}
    for i, tile in enumerate(pool):
        sizes.setdefault(tile[0], []).append(i)
    for i in sample:
        drawn.setdefault(pool[i][0], []).append(i)
    n = int(np.floor(0.1 * len(pool) + 0.5))
    assert len(sample) == n
    for slide, tiles in sizes.items():
        share = n * len(tiles) / len(pool)
        assert np.floor(share) <= len(drawn[slide]) <= np.ceil(share)
        within = bottom_n([pool[i] for i in tiles], len(drawn[slide]), 42)
        assert drawn[slide] == [tiles[i] for i in within]


def test_inclusion_is_uniform_over_200_seeds(planned):
    """Tiles are drawn Binomial(200, p); the sum over tiles of (o - e)^2 / (e (1 - p)) is close to
    chi-square: within 4.5 standard deviations of its mean."""
    pool = planned["tenth"][0]
    n, seeds = len(pool) // 10, 200
    drawn = np.zeros(len(pool))
    for seed in range(seeds):
        drawn[bottom_n(pool, n, seed)] += 1
    p = n / len(pool)
    statistic = ((drawn - seeds * p) ** 2 / (seeds * p * (1 - p))).sum()
    freedom = len(pool) - 1
    assert abs(statistic - freedom) < 4.5 * np.sqrt(2 * freedom), (statistic, freedom)
