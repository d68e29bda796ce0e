#include "master/sampler.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "common/model/tile_grid.h"

namespace tilepool {
namespace {

std::vector<SampleCandidate> pool_of(std::uint64_t tiles, std::uint64_t seed) {
  std::vector<SampleCandidate> pool;
  for (std::uint64_t i = 0; i < tiles; ++i) {
    const auto x = static_cast<std::int64_t>(i % 20) * 512;
    const auto y = static_cast<std::int64_t>(i / 20) * 512;
    pool.push_back({tile_key("slide", x, y, seed), 0, y, x, i});
  }
  return pool;
}

std::vector<std::uint64_t> indices_of(const BottomN& sample) {
  std::vector<std::uint64_t> indices;
  for (const SampleCandidate& kept : sample.in_pool_order()) indices.push_back(kept.pool_index);
  return indices;
}

std::vector<std::uint64_t> draw(const std::vector<SampleCandidate>& pool, std::uint64_t n) {
  BottomN sample(n);
  for (const auto& candidate : pool) sample.add(candidate);
  return indices_of(sample);
}

// XXH64 values of Python's xxhash: xxhash.xxh64(b"A\0" + struct.pack("<qq", x, y), seed=s).
TEST(TileKey, EqualsXxh64OfTheContractsBytes) {
  EXPECT_EQ(tile_key("A", 0, 0, 0), 0x2ce6e6f376218871ULL);
  EXPECT_EQ(tile_key("slide-\xc3\xa9", 3000, 6000, 42), 0x054480a40e9c73ddULL);
}

TEST(SampleSize, RoundsHalfUpAndNeverToZero) {
  EXPECT_EQ(sample_size({.fraction = 0.1}, 0), 0U);
  EXPECT_EQ(sample_size({.fraction = 0.1}, 1), 1U);
  EXPECT_EQ(sample_size({.fraction = 0.1}, 4), 1U);
  EXPECT_EQ(sample_size({.fraction = 0.1}, 15), 2U);
  EXPECT_EQ(sample_size({.fraction = 0.1}, 11590), 1159U);
  EXPECT_EQ(sample_size({.fraction = 1.0}, 7), 7U);
  EXPECT_EQ(sample_size({.fraction = 0.1, .count = 500}, 7), 7U);
  EXPECT_EQ(sample_size({.fraction = 0.1, .count = 3}, 7), 3U);
}

TEST(BottomN, TakesTheSmallestKeysInAnyOrder) {
  auto pool = pool_of(400, 42);
  auto by_key = pool;
  std::sort(by_key.begin(), by_key.end());
  std::vector<std::uint64_t> expected;
  for (int i = 0; i < 40; ++i) expected.push_back(by_key[static_cast<std::size_t>(i)].pool_index);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(draw(pool, 40), expected);
  std::mt19937 random(7);
  std::shuffle(pool.begin(), pool.end(), random);
  EXPECT_EQ(draw(pool, 40), expected);
}

TEST(BottomN, MergedPartsEqualTheWhole) {
  const auto pool = pool_of(400, 1);
  BottomN left(40);
  BottomN right(40);
  for (std::size_t i = 0; i < pool.size(); ++i) (i % 3 == 0 ? left : right).add(pool[i]);
  left.merge(right);
  EXPECT_EQ(indices_of(left), draw(pool, 40));
}

TEST(BottomN, ALargerSampleContainsTheSmaller) {
  const auto pool = pool_of(400, 9);
  const auto small = draw(pool, 40);
  const auto large = draw(pool, 80);
  EXPECT_TRUE(std::includes(large.begin(), large.end(), small.begin(), small.end()));
}

// Over 200 seeds each of 400 tiles is drawn Binomial(200, 0.1); the statistic sum (o-e)^2 / (e
// (1-p)) is close to chi-square with 399 degrees of freedom: 99.9 % of it lies below 492 and above
// 317.
TEST(BottomN, InclusionIsUniformOverSeeds) {
  constexpr int kSeeds = 200;
  std::vector<int> drawn(400, 0);
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
    for (const auto index : draw(pool_of(400, seed), 40)) ++drawn[index];
  const double expected = kSeeds * 0.1;
  double chi_square = 0;
  for (const int n : drawn) chi_square += (n - expected) * (n - expected) / (expected * 0.9);
  EXPECT_LT(chi_square, 492);
  EXPECT_GT(chi_square, 317);
}

TEST(LargestRemainder, SumsUpAndStaysProportional) {
  const std::vector<std::uint64_t> sizes = {50, 30, 20, 0};
  EXPECT_EQ(largest_remainder(10, sizes), (std::vector<std::uint64_t>{5, 3, 2, 0}));
  EXPECT_EQ(largest_remainder(1, sizes), (std::vector<std::uint64_t>{1, 0, 0, 0}));
  EXPECT_EQ(largest_remainder(100, sizes), sizes);
  EXPECT_EQ(largest_remainder(0, sizes), (std::vector<std::uint64_t>{0, 0, 0, 0}));
}

// Quotas 2.25, 2.25, 4.5 for n = 9 of {1, 1, 2} x 25: the half goes to the third.
TEST(LargestRemainder, LargestFractionFirstThenEarlierStratum) {
  const std::vector<std::uint64_t> sizes = {25, 25, 50};
  EXPECT_EQ(largest_remainder(9, sizes), (std::vector<std::uint64_t>{2, 2, 5}));
  EXPECT_EQ(largest_remainder(5, sizes), (std::vector<std::uint64_t>{1, 1, 3}));
  EXPECT_EQ(largest_remainder(3, sizes), (std::vector<std::uint64_t>{1, 1, 1}));
}

}  // namespace
}  // namespace tilepool
