// Kernels on labels and colours against values worked out by hand.

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/kernels/contour.h"
#include "common/kernels/height_map.h"
#include "common/kernels/optical_density.h"
#include "common/kernels/region_box.h"
#include "common/kernels/region_colour.h"
#include "common/kernels/region_shape.h"
#include "common/kernels/stain.h"
#include "common/kernels/watershed.h"

namespace tilepool {
namespace {

struct Labels {
  std::int64_t width, height;
  std::vector<std::int32_t> pixels;
  explicit Labels(const std::vector<std::string>& rows)
      : width(static_cast<std::int64_t>(rows[0].size())),
        height(static_cast<std::int64_t>(rows.size())) {
    for (const auto& row : rows) {
      for (const char c : row) pixels.push_back(c == '.' ? 0 : c - '0');
    }
  }
  ImageView<std::int32_t> view() { return {pixels.data(), width, height, width}; }
};

RegionShape shape_of(Labels& labels) {
  std::array<RegionBox, 1> box;
  measure_boxes(labels.view(), box);
  const std::size_t bytes =
      measure_shape_scratch_bytes(box[0].x_end - box[0].x_begin, box[0].y_end - box[0].y_begin);
  Budget budget(bytes + 4096);
  Arena scratch(budget, bytes, "test");
  return measure_shape(labels.view(), 1, box[0], scratch);
}

TEST(KernelsDensity, LimitsAreTheIntegerFormOfTheComparison) {
  EXPECT_DOUBLE_EQ(optical_density(255), 0);
  EXPECT_NEAR(optical_density(0), 2.408, 1e-3);
  for (const double density : {0.0, 0.1, 0.6, 2.0, 3.0}) {
    const int limit = value_limit_of_density(density);
    for (int v = 0; v < 256; ++v) EXPECT_EQ(v<limit, optical_density(v)> density) << v;
    const int fine = fine_limit_of_density(density);
    EXPECT_GT(fine == 0 ? 9.0 : optical_density((fine - 1) / 256.0), density);
    EXPECT_LE(fine == 65536 ? 0.0 : optical_density(fine / 256.0), density);
  }
}

TEST(KernelsStain, ParallelVectorsAreRefusedAndAPureStainIsSeparated) {
  EXPECT_THROW((void)unmixing_weights({1, 0, 0}, {2, 0, 0}), Error);
  const StainVector h = normalised(kRuifrokHaematoxylin);
  const StainVector e = normalised(kRuifrokEosin);
  const UnmixTable first = make_unmix_table(unmixing_weights(h, e), 1.0);
  const UnmixTable second = make_unmix_table(unmixing_weights(e, h), 1.0);
  std::array<std::uint8_t, 3> pixel{};
  for (std::size_t c = 0; c < 3; ++c) {  // eosin of concentration 0.5
    pixel[c] = static_cast<std::uint8_t>(std::lround(256 * std::pow(10, -0.5 * e[c]) - 1));
  }
  EXPECT_NEAR(first.value(pixel.data()), 0, 12);
  EXPECT_NEAR(second.value(pixel.data()), 0.5 * kPlaneReference, 12);
  EXPECT_EQ(first.value(std::array<std::uint8_t, 3>{255, 255, 255}.data()), 0);
}

TEST(KernelsHeight, SaturatesAndIsZeroOffTheMask) {
  std::vector<std::uint8_t> mask = {1, 1, 0};
  std::vector<std::uint16_t> plane = {1000, 4095, 4095};
  std::vector<std::uint16_t> height = {16, 3000, 16};
  raise_by_plane({mask.data(), 3, 1, 3}, {plane.data(), 3, 1, 3}, 128, {height.data(), 3, 1, 3});
  EXPECT_EQ(height, (std::vector<std::uint16_t>{516, 4095, 0}));
}

std::vector<std::int32_t> split(std::vector<std::uint16_t> heights, const MergeRule& rule) {
  const auto n = static_cast<std::int64_t>(heights.size());
  std::vector<std::uint8_t> mask(heights.size());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = heights[i] > 0 ? 1 : 0;
  std::vector<std::int32_t> labels(heights.size(), -9);
  const std::size_t bytes = split_by_dynamics_scratch_bytes(n, 1);
  Budget budget(bytes + 4096);
  Arena scratch(budget, bytes, "test");
  split_by_dynamics({mask.data(), n, 1, n}, {heights.data(), n, 1, n}, rule, scratch,
                    {labels.data(), n, 1, n});
  return labels;
}

TEST(KernelsWatershed, DynamicsDecideAndPlateausAreOneBasin) {
  using V = std::vector<std::int32_t>;
  // Peaks 9, 6 and 7; saddles 4 (depth 2 under 6) and 3 (depth 4 under 7).
  EXPECT_EQ(split({5, 9, 4, 6, 3, 7, 7, 0, 2}, {1, 0, 1}), (V{1, 1, 1, 2, 3, 3, 3, 0, 4}));
  EXPECT_EQ(split({5, 9, 4, 6, 3, 7, 7, 0, 2}, {3, 0, 1}), (V{1, 1, 1, 1, 2, 2, 2, 0, 3}));
  EXPECT_EQ(split({5, 9, 4, 6, 3, 7, 7, 0, 2}, {5, 0, 1}), (V{1, 1, 1, 1, 1, 1, 1, 0, 2}));
  EXPECT_EQ(split({8, 8, 8}, {0, 0, 1}), (V{1, 1, 1}));
  EXPECT_EQ(split({9, 1, 9}, {0, 0, 1}), (V{1, 1, 2}));  // the earlier 9 is the higher one
}

TEST(KernelsWatershed, PiecesThatFillAnEllipseStayOne) {
  // 6 x 1 pixels: n / (4 pi sqrt(36/12 * 1/12)) = 6 / (2 pi) = 0.955, a rectangle's fill.
  EXPECT_EQ(split({9, 5, 1, 1, 5, 9}, {0, 9, 0.95}), (std::vector<std::int32_t>(6, 1)));
  EXPECT_EQ(split({9, 5, 1, 1, 5, 9}, {0, 9, 0.96}), (std::vector<std::int32_t>{1, 1, 1, 2, 2, 2}));
}

TEST(KernelsWatershed, EmptyImage) { EXPECT_TRUE(split({}, {0, 0, 1}).empty()); }

double shoelace(const std::vector<HalfPixel>& ring) {
  double twice = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const auto& a = ring[i];
    const auto& b = ring[(i + 1) % ring.size()];
    twice += a.x * b.y - b.x * a.y;
  }
  return twice / 8;  // half pixels
}

TEST(KernelsContour, SinglePixelIsADiamond) {
  Labels labels({"...", ".1.", "..."});
  std::vector<HalfPixel> ring;
  trace_contour(labels.view(), 1, 1, 1, ring);
  EXPECT_EQ(ring, (std::vector<HalfPixel>{{3, 2}, {4, 3}, {3, 4}, {2, 3}}));
  EXPECT_DOUBLE_EQ(shoelace(ring), 0.5);
}

TEST(KernelsContour, StraightRunsHaveNoPointsInside) {
  Labels labels({"1111", "1111"});
  std::vector<HalfPixel> ring;
  trace_contour(labels.view(), 1, 0, 0, ring);
  EXPECT_EQ(ring, (std::vector<HalfPixel>{
                      {1, 0}, {7, 0}, {8, 1}, {8, 3}, {7, 4}, {1, 4}, {0, 3}, {0, 1}}));
  EXPECT_DOUBLE_EQ(shoelace(ring), 7.5);
}

TEST(KernelsContour, DiagonalPixelsAndHoles) {
  std::vector<HalfPixel> ring;
  Labels diagonal({"1..", ".1.", "..1"});
  trace_contour(diagonal.view(), 1, 0, 0, ring);
  EXPECT_DOUBLE_EQ(shoelace(ring), 2.5);
  Labels around({"111", "1.1", "112"});  // the hole counts, the other label does not
  trace_contour(around.view(), 1, 0, 0, ring);
  EXPECT_DOUBLE_EQ(shoelace(ring), 7.5);
}

TEST(KernelsBoxes, AreasSumsAndAbsentLabels) {
  Labels labels({".33.", "1.3.", "1..."});
  std::array<RegionBox, 3> boxes;
  measure_boxes(labels.view(), boxes);
  EXPECT_EQ(boxes[0].area, 2);
  EXPECT_EQ(boxes[0].sum_y, 3);
  EXPECT_EQ(boxes[1].area, 0);
  EXPECT_EQ(boxes[2].area, 3);
  EXPECT_EQ(boxes[2].sum_x, 5);
  EXPECT_EQ(boxes[2].first_x, 1);
  EXPECT_EQ(boxes[2].x_end, 3);
  EXPECT_EQ(boxes[2].y_end, 2);
}

TEST(KernelsShape, ARectangle) {
  Labels labels({"......", ".1111.", ".1111.", ".1111.", "......"});
  const RegionShape s = shape_of(labels);
  EXPECT_EQ(s.area, 12);
  EXPECT_EQ(s.hull_area, 12);
  const ShapeFeatures f = shape_features(s);
  EXPECT_DOUBLE_EQ(f.extent, 1);
  EXPECT_DOUBLE_EQ(f.major_axis, 4 * std::sqrt(15.0 / 12));  // (w^2 - 1) / 12
  EXPECT_DOUBLE_EQ(f.minor_axis, 4 * std::sqrt(8.0 / 12));
  EXPECT_DOUBLE_EQ(f.eccentricity, std::sqrt(1 - 8.0 / 15));
  EXPECT_DOUBLE_EQ(f.perimeter, 10);  // the border's ten pixels' centres
  EXPECT_DOUBLE_EQ(f.equivalent_diameter, std::sqrt(48 / std::numbers::pi));
}

TEST(KernelsShape, ACrossAndAPixel) {
  Labels cross({".1.", "111", ".1."});
  const RegionShape s = shape_of(cross);
  EXPECT_EQ(s.hull_area, 5);  // the corners' centres lie outside the hull
  EXPECT_DOUBLE_EQ(shape_features(s).perimeter, 4 * std::numbers::sqrt2);
  Labels pixel({"1"});
  const ShapeFeatures f = shape_features(shape_of(pixel));
  EXPECT_DOUBLE_EQ(f.perimeter, 0);
  EXPECT_DOUBLE_EQ(f.circularity, 0);
  EXPECT_DOUBLE_EQ(f.solidity, 1);
  EXPECT_DOUBLE_EQ(f.eccentricity, 0);
}

TEST(KernelsShape, AnLHasAHullLargerThanItself) {
  Labels labels({"1....", "1....", "1....", "1....", "11111"});
  const RegionShape s = shape_of(labels);
  EXPECT_EQ(s.area, 9);
  EXPECT_EQ(s.hull_area, 15);
}

TEST(KernelsColour, ChannelsOfKnownColours) {
  const auto channels = [](std::uint8_t r, std::uint8_t g, std::uint8_t b) {
    const std::array<std::uint8_t, 3> rgb = {r, g, b};
    return plain_channels(rgb.data());
  };
  EXPECT_EQ(channels(0, 0, 0), (ChannelValues{0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(channels(255, 255, 255), (ChannelValues{255, 255, 255, 65280, 0, 0, 255}));
  EXPECT_EQ(channels(255, 0, 0)[kHue], 0U);
  EXPECT_EQ(channels(0, 255, 0)[kHue], 10923U);  // a third of 32768
  EXPECT_EQ(channels(0, 0, 255)[kHue], 21845U);
  EXPECT_EQ(channels(255, 0, 255)[kHue], 27307U);
  EXPECT_EQ(channels(200, 100, 100)[kSaturation], 16384U);
}

TEST(KernelsColour, SumsAreOverTheLabelOnly) {
  Labels labels({"1.", "11"});
  const std::vector<std::uint8_t> rgb = {10, 10, 10, 200, 200, 200, 20, 20, 20, 30, 30, 30};
  std::array<RegionBox, 1> box;
  measure_boxes(labels.view(), box);
  const UnmixTable table = make_unmix_table({1, 0, 0}, 1);
  const auto sums =
      measure_colour({rgb.data(), 2, 2, 6}, labels.view(), 1, box[0], table, table, 25 * 256);
  EXPECT_EQ(sums.count, 3U);
  EXPECT_EQ(sums.sum[kRed], 60U);
  EXPECT_EQ(sums.dark, 2U);
  const MeanAndStd m = mean_and_std(sums.count, sums.sum[kRed], sums.square[kRed]);
  EXPECT_DOUBLE_EQ(m.mean, 20);
  EXPECT_DOUBLE_EQ(m.std, std::sqrt(200.0 / 3));
}

}  // namespace
}  // namespace tilepool
