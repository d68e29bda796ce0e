// Expected quantiles are worked out by hand from the definition (type 7 of Hyndman & Fan).

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <webp/decode.h>

#include "report/cell_grid.h"
#include "report/cohort_survey.h"
#include "report/spread.h"
#include "report_fixture.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

template <class Values>
Values of(const std::vector<double>& numbers) {
  Values values;
  for (const double number : numbers) values.add(number);
  return values;
}

TEST(Spread, IsInterpolatedBetweenOrderedValues) {
  const Spread five = of<KeptValues>({5, 1, 4, 2, 3}).spread();
  EXPECT_EQ(five.n, 5U);
  EXPECT_DOUBLE_EQ(five.p5, 1.2);
  EXPECT_DOUBLE_EQ(five.q1, 2);
  EXPECT_DOUBLE_EQ(five.median, 3);
  EXPECT_DOUBLE_EQ(five.q3, 4);
  EXPECT_DOUBLE_EQ(five.p95, 4.8);
  const Spread two = of<KeptValues>({10, 0}).spread();
  EXPECT_DOUBLE_EQ(two.q1, 2.5);
  EXPECT_DOUBLE_EQ(two.median, 5);
  const Spread one = of<KeptValues>({7}).spread();
  EXPECT_DOUBLE_EQ(one.q1, 7);
  EXPECT_DOUBLE_EQ(one.p95, 7);
}

TEST(Spread, OfNothingIsNaN) {
  EXPECT_EQ(KeptValues().spread().n, 0U);
  EXPECT_TRUE(std::isnan(KeptValues().spread().median));
  EXPECT_EQ(CountedValues().spread().n, 0U);
  EXPECT_TRUE(std::isnan(CountedValues().spread().q3));
}

TEST(Spread, CountedValuesAreWithinAFifthOfAPercent) {
  std::vector<double> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 1.0);
  const Spread up = of<CountedValues>(numbers).spread();
  EXPECT_EQ(up.n, 1000U);
  EXPECT_NEAR(up.p5 / 50.95, 1, 0.002);
  EXPECT_NEAR(up.q1 / 250.75, 1, 0.002);
  EXPECT_NEAR(up.median / 500.5, 1, 0.002);
  EXPECT_NEAR(up.q3 / 750.25, 1, 0.002);
  EXPECT_NEAR(up.p95 / 950.05, 1, 0.002);
  std::reverse(numbers.begin(), numbers.end());
  EXPECT_EQ(of<CountedValues>(numbers).spread().median, up.median) << "whatever the order";
}

TEST(Spread, CountedValuesHoldTheirBoundAtEveryMagnitude) {
  for (const double value : {0.004, 0.01, 0.5, 1.0, 1.999, 3.0, 77.7, 1024.0, 1e6, 1.6e7})
    EXPECT_NEAR(of<CountedValues>({value}).spread().median / value, 1, 0.002) << value;
}

TEST(Spread, BarsHoldEveryValueOnce) {
  const std::vector<double> numbers = {0, 0.5, 1, 1.5, 3.9, 4, 100};
  const std::vector<std::uint64_t> expected = {2, 2, 0, 3};
  EXPECT_EQ(of<KeptValues>(numbers).bars(4, 4), expected);
  EXPECT_EQ(of<CountedValues>({0.5, 1.01, 1.5, 3.9, 5, 1e9}).bars(4, 4),
            (std::vector<std::uint64_t>{1, 2, 0, 3}));
}

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgba;

  explicit Picture(const std::string& webp) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(webp.data());
    EXPECT_NE(WebPGetInfo(data, webp.size(), &width, &height), 0);
    rgba.resize(static_cast<std::size_t>(4 * width) * static_cast<std::size_t>(height));
    EXPECT_NE(WebPDecodeRGBAInto(data, webp.size(), rgba.data(), rgba.size(), 4 * width), nullptr);
  }
  [[nodiscard]] std::array<int, 4> at(int x, int y) const {
    const auto place =
        static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
    const std::uint8_t* pixel = rgba.data() + 4 * place;
    return {pixel[0], pixel[1], pixel[2], pixel[3]};
  }
  [[nodiscard]] int drawn() const {
    int n = 0;
    for (std::size_t i = 3; i < rgba.size(); i += 4) n += rgba[i] > 0 ? 1 : 0;
    return n;
  }
};

// 25 copies of the fixture's four slides, of which two in four have tissue.
TEST(CohortSurvey, TheSmallestOfManyGroupsAreJoined) {
  const testing::TempFolder folder;
  const RunLayout layout(folder.path() / "run");
  testing::write_fixture(layout.root(), testing::FixtureStage::kHalfWay, 25);
  RunView view = load_run(layout);
  ASSERT_EQ(view.slides.size(), 100U);
  std::size_t pooled = 0;
  for (std::size_t i = 0; i < view.slides.size(); ++i) {
    view.slides[i].plan.group = i < 2 ? "z, the largest" : fmt::format("{:03}", i);
    pooled += view.slides[i].plan.n_pool > 0 ? 1 : 0;
  }
  const CohortSurvey survey = survey_cohort(layout, view, 1000);
  ASSERT_EQ(survey.groups.size(), kMostSlideGroups);
  EXPECT_EQ(survey.n_groups_joined, 99 - 19U);
  EXPECT_EQ(survey.groups[0].name, "002");
  EXPECT_EQ(survey.groups[18].name, "z, the largest");
  EXPECT_EQ(survey.groups[19].name, "");
  std::size_t counted = 0;
  for (const SlideGroup& group : survey.groups) counted += group.pooled.spread().n;
  EXPECT_EQ(counted, pooled);
  EXPECT_TRUE(survey.classes.empty()) << "results.h5 is not there yet";
}

constexpr std::size_t kEnough = 100'000;
const std::vector<std::size_t> kOrder = {0, 1};

TEST(CellGrid, TheLastOfTheOrderIsOnTop) {
  CellGrid grid(12'800, 6'400, 2);
  for (int i = 0; i < 3; ++i) grid.add(150, 250, 0);
  grid.add(150, 250, 1);
  grid.add(12'799, 6'399, 0);
  const Picture picture(grid.picture(kOrder, kEnough));
  EXPECT_EQ(picture.width, 128);
  EXPECT_EQ(picture.height, 64);
  EXPECT_EQ(picture.at(1, 2), (std::array{213, 94, 0, 255}));
  EXPECT_EQ(picture.at(127, 63), (std::array{0, 158, 115, 210})) << "log 2 / log 4 is one half";
  EXPECT_EQ(picture.drawn(), 2);
}

TEST(CellGrid, WhatLiesOnOrBeyondTheBorderCountsThere) {
  CellGrid grid(100, 100, 2);
  grid.add(-0.4, 100, 0);
  grid.add(100.2, 0, 0);
  const Picture picture(grid.picture(kOrder, kEnough));
  EXPECT_EQ(picture.drawn(), 2);
  EXPECT_EQ(picture.at(0, 127)[3], 255);
  EXPECT_EQ(picture.at(127, 0)[3], 255);
}

TEST(CellGrid, TakesNoMoreBytesThanItMay) {
  CellGrid grid(100'000, 80'000, 3);
  std::uint32_t noise = 7;
  const auto draw = [&](std::uint32_t below) {
    noise = noise * 1664525U + 1013904223U;
    return static_cast<double>(noise >> 8) / (1U << 24) * below;
  };
  for (int i = 0; i < 200'000; ++i)
    grid.add(draw(100'000), draw(80'000), static_cast<std::size_t>(draw(3)));
  const std::string whole = grid.picture({2, 0, 1}, kEnough);
  EXPECT_EQ(Picture(whole).width, 128);
  const std::string small = grid.picture({2, 0, 1}, 1200);
  EXPECT_LE(small.size(), 1200U);
  EXPECT_LT(Picture(small).width, 128);
  EXPECT_EQ(Picture(grid.picture({2, 0, 1}, 1)).width, 16) << "the smallest there is";
}

}  // namespace
}  // namespace tilepool
