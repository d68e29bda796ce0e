#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "common/kernels/tissue_area.h"
#include "common/kernels/tissue_filters.h"
#include "common/kernels/tissue_grey.h"
#include "common/kernels/tissue_regions.h"
#include "common/kernels/tissue_triangle.h"
#include "common/kernels/tissue_variance.h"
#include "common/run/tissue_decision.h"

namespace tilepool {
namespace {

template <class T>
struct Plane {
  Plane(std::int64_t w, std::int64_t h, std::vector<T> values = {})
      : width(w), height(h), data(values) {
    data.resize(static_cast<std::size_t>(w * h));
  }
  ImageView<T> view() { return {data.data(), width, height, width}; }
  std::int64_t width, height;
  std::vector<T> data;
};
using Bytes = Plane<std::uint8_t>;

Bytes pattern(const std::vector<std::string>& rows) {
  Bytes plane(static_cast<std::int64_t>(rows[0].size()), static_cast<std::int64_t>(rows.size()));
  for (std::size_t i = 0; i < plane.data.size(); ++i) {
    plane.data[i] = rows[i / rows[0].size()][i % rows[0].size()] == '#' ? 1 : 0;
  }
  return plane;
}

/// Deterministic bytes without structure.
Bytes noise(std::int64_t width, std::int64_t height, std::uint32_t seed) {
  Bytes plane(width, height);
  for (auto& value : plane.data) {
    seed = seed * 1664525 + 1013904223;
    value = static_cast<std::uint8_t>(seed >> 24);
  }
  return plane;
}

TEST(TissueGrey, ColoursByHand) {
  // red, green, blue, white, black, a pink
  std::vector<std::uint8_t> rgb{255, 0,   0,   0, 255, 0, 0,   0,   255,
                                255, 255, 255, 0, 0,   0, 200, 100, 150};
  const ConstRgbView view{rgb.data(), 6, 1, 18};
  Bytes out(6, 1);
  grey_plane(view, out.view());
  EXPECT_EQ(out.data, (std::vector<std::uint8_t>{76, 150, 29, 255, 0, 136}));
  brightest_plane(view, out.view());
  EXPECT_EQ(out.data, (std::vector<std::uint8_t>{255, 255, 255, 255, 0, 200}));
  saturation_plane(view, out.view());
  EXPECT_EQ(out.data, (std::vector<std::uint8_t>{255, 255, 255, 0, 0, 128}));
  EXPECT_EQ(histogram(out.view())[255], 3U);
}

TEST(TissueGrey, BoxAverageRoundsHalfUpAndClipsAtTheEdge) {
  // 3 x 3 grey pixels 0..8 in boxes of 2
  std::vector<std::uint8_t> rgb;
  for (std::uint8_t v = 0; v < 9; ++v) rgb.insert(rgb.end(), 3, v);
  std::vector<std::uint8_t> out(12);
  box_average({rgb.data(), 3, 3, 9}, 2, {out.data(), 2, 2, 6});
  // (0+1+3+4)/4 = 2, (2+5)/2 = 3.5, (6+7)/2 = 6.5, 8
  EXPECT_EQ(out, (std::vector<std::uint8_t>{2, 2, 2, 4, 4, 4, 7, 7, 7, 8, 8, 8}));
}

TEST(TissueFilters, MedianEqualsSorting) {
  for (const auto& [w, h] : {std::pair{1, 1}, {2, 9}, {31, 33}, {7, 3}}) {
    Bytes in = noise(w, h, 5);
    Bytes out(w, h);
    median_7x7(in.view(), out.view());
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        std::vector<std::uint8_t> window;
        for (int dy = -3; dy <= 3; ++dy) {
          for (int dx = -3; dx <= 3; ++dx) {
            window.push_back(
                in.view().at(std::clamp(x + dx, 0, w - 1), std::clamp(y + dy, 0, h - 1)));
          }
        }
        std::nth_element(window.begin(), window.begin() + 24, window.end());
        ASSERT_EQ(out.view().at(x, y), window[24]) << x << "," << y << " of " << w << "x" << h;
      }
    }
  }
}

TEST(TissueFilters, WindowMeanAndVarianceEqualDirectSums) {
  Budget budget(1 << 20);
  for (const auto& [w, h, r] : {std::tuple{1, 1, 2}, {33, 31, 2}, {5, 40, 7}, {64, 3, 1}}) {
    Arena scratch(budget, window_scratch_bytes(w), "test");
    Bytes in = noise(w, h, 9);
    Bytes mean(w, h);
    Plane<std::uint16_t> variance(w, h);
    window_mean(in.view(), r, scratch, mean.view());
    window_variance(in.view(), r, scratch, variance.view());
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        std::int64_t n = 0, sum = 0, square = 0;
        for (int v = std::max(0, y - r); v <= std::min(h - 1, y + r); ++v) {
          for (int u = std::max(0, x - r); u <= std::min(w - 1, x + r); ++u) {
            const std::int64_t p = in.view().at(u, v);
            ++n;
            sum += p;
            square += p * p;
          }
        }
        ASSERT_EQ(mean.view().at(x, y), (sum + n / 2) / n);
        ASSERT_EQ(variance.view().at(x, y), (n * square - sum * sum) / (n * n));
      }
    }
  }
}

TEST(TissueRegions, SmallSeedlessAndDiagonalPieces) {
  Budget budget(1 << 20);
  Arena scratch(budget, regions_scratch_bytes(8, 5), "test");
  Bytes mask = pattern({"##....#.",  //
                        "##...#..",  //
                        "....#...",  //
                        ".......#",  //
                        "##.....#"});
  Bytes all(8, 5, std::vector<std::uint8_t>(40, 1));
  keep_regions(mask.view(), 3, all.view(), scratch);
  EXPECT_EQ(mask.data, pattern({"##....#.", "##...#..", "....#...", "........", "........"}).data)
      << "the diagonal of three is one piece";
  Bytes seeds(8, 5);
  seeds.view().at(1, 1) = 1;
  keep_regions(mask.view(), 1, seeds.view(), scratch);
  EXPECT_EQ(mask.data, pattern({"##......", "##......", "........", "........", "........"}).data);
}

TEST(TissueRegions, BackgroundPiecesAreFourConnectedAndMayTouchTheEdge) {
  Budget budget(1 << 20);
  Arena scratch(budget, regions_scratch_bytes(6, 4), "test");
  Bytes mask = pattern({".#####",  //
                        "#.####",  //
                        "###..#",  //
                        "###..#"});
  fill_background(mask.view(), 4, scratch);
  EXPECT_EQ(mask.data, pattern({"######", "######", "###..#", "###..#"}).data);
  fill_background(mask.view(), 5, scratch);
  EXPECT_EQ(mask.data, pattern({"######", "######", "######", "######"}).data);
}

TEST(TissueTriangle, FarthestBelowTheLine) {
  std::array<std::uint64_t, 256> bins{};
  EXPECT_EQ(triangle_threshold(bins), 0);
  bins[10] = 100;
  EXPECT_EQ(triangle_threshold(bins), 10) << "nothing is brighter than the peak";
  bins[11] = 20;
  bins[12] = 10;
  bins[20] = 1;
  // distances * : 100*(20-v) - 10*count: 11: 700, 12: 700, 13: 700, ... the brightest of equals
  EXPECT_EQ(triangle_threshold(bins), 13);
}

TEST(TissueVariance, ThreeClustersMidpointOfTheLowestTwo) {
  std::vector<std::uint16_t> values;
  for (int i = 0; i < 100; ++i) {
    values.push_back(static_cast<std::uint16_t>(i % 2));               // 0.5
    values.push_back(static_cast<std::uint16_t>(100 + i % 2));         // 100.5
    values.push_back(static_cast<std::uint16_t>(1000 + 2 * (i % 2)));  // 1001
  }
  EXPECT_EQ(variance_threshold(values), 50.5);
  std::reverse(values.begin(), values.end());
  EXPECT_EQ(variance_threshold(values), 50.5);
  EXPECT_EQ(variance_threshold(std::vector<std::uint16_t>(9, 7)), 7);
  EXPECT_THROW((void)variance_threshold({}), Error);

  Plane<std::uint16_t> map(4, 1, {50, 51, 0, 1000});
  Bytes mask(4, 1);
  mask_from_variance(map.view(), 50.5, mask.view());
  EXPECT_EQ(mask.data, (std::vector<std::uint8_t>{0, 1, 0, 1}));
}

TEST(TissueArea, CutPixelsCountByTheirPart) {
  Bytes mask = pattern({"#.",  //
                        "##"});
  Plane<std::uint32_t> sums(3, 3);
  summed_area(mask.view(), sums.view());
  const auto area = [&](double x0, double y0, double x1, double y1) {
    return tissue_area(sums.view(), x0, y0, x1, y1);
  };
  EXPECT_EQ(area(0, 0, 2, 2), 3);
  EXPECT_EQ(area(1, 0, 2, 1), 0);
  EXPECT_EQ(area(0.5, 0.5, 1.5, 1.5), 0.75);
  EXPECT_EQ(area(0.25, 0, 0.5, 0.5), 0.125);
  EXPECT_EQ(area(2, 0, 2.5, 1), 0) << "the empty last pixel of row 0 goes on";
  EXPECT_EQ(area(2, 1, 2.5, 2.5), 0.75) << "the last pixel goes on";
}

TEST(TissueFractions, EqualTheAreaOfAMaskAtLevelZero) {
  Budget budget(1 << 20);
  Bytes mask = noise(13, 9, 3);
  for (auto& value : mask.data) value = value > 120 ? 1 : 0;
  constexpr std::int64_t kDownsample = 7;
  TileGrid grid{13 * kDownsample - 3, 9 * kDownsample - 2, 10, 10, 0};
  const auto fractions = tissue_fractions(mask.view(), kDownsample, grid, budget);
  ASSERT_EQ(fractions.size(), static_cast<std::size_t>(grid.tiles()));
  for (std::int64_t i = 0; i < grid.tiles(); ++i) {
    const Rect core = grid.core(i % grid.columns(), i / grid.columns());
    double ones = 0;
    for (std::int64_t y = core.y; y < core.y + core.h; ++y) {
      for (std::int64_t x = core.x; x < core.x + core.w; ++x) {
        ones += mask.view().at(x / kDownsample, y / kDownsample);
      }
    }
    EXPECT_NEAR(fractions[static_cast<std::size_t>(i)], ones / static_cast<double>(core.w * core.h),
                1e-6);
  }
  EXPECT_EQ(budget.used_bytes(), 0U);
}

}  // namespace
}  // namespace tilepool
