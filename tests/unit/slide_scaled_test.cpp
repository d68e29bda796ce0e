#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "common/model/tile_grid.h"
#include "common/slide/scaled_read.h"

namespace tilepool {
namespace {

std::uint8_t level0_value(std::int64_t x, std::int64_t y, int channel, const LevelInfo& level) {
  if (x < 0 || y < 0 || x >= level.width || y >= level.height) return 255;
  const auto mixed = static_cast<std::uint64_t>(x * 7919 + y * 104729 + channel * 31);
  return static_cast<std::uint8_t>((mixed * 0x9E3779B97F4A7C15ULL) >> 56);
}

/// Noise at level 0; on level n every pixel is 10 * n.
class NoiseSlide final : public SlideSource {
 public:
  explicit NoiseSlide(const std::vector<LevelInfo>& levels) {
    info_.levels = levels;
    info_.width = levels[0].width;
    info_.height = levels[0].height;
  }
  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int level, std::int64_t x, std::int64_t y, RgbView out) override {
    largest_read = std::max(largest_read, out.pixels());
    for (std::int64_t j = 0; j < out.height; ++j) {
      for (std::int64_t i = 0; i < out.width; ++i) {
        for (int c = 0; c < 3; ++c) {
          out.pixel(i, j)[c] = level > 0 ? static_cast<std::uint8_t>(10 * level)
                                         : level0_value(x + i, y + j, c, info_.levels[0]);
        }
      }
    }
  }
  std::int64_t largest_read = 0;

 private:
  SlideInfo info_;
};

std::vector<std::uint8_t> scaled(SlideSource& slide, double x, double y, double scale,
                                 std::int64_t width, std::int64_t height) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * width * height));
  read_scaled(slide, x, y, scale, {rgb.data(), width, height, 3 * width});
  return rgb;
}

/// The mean over [x0, x1) x [y0, y1) in doubles.
double area_mean(const LevelInfo& level, double x0, double y0, double x1, double y1, int channel) {
  double sum = 0;
  for (auto y = static_cast<std::int64_t>(std::floor(y0)); static_cast<double>(y) < y1; ++y) {
    for (auto x = static_cast<std::int64_t>(std::floor(x0)); static_cast<double>(x) < x1; ++x) {
      const auto px = static_cast<double>(x);
      const auto py = static_cast<double>(y);
      sum += (std::min(x1, px + 1) - std::max(x0, px)) * (std::min(y1, py + 1) - std::max(y0, py)) *
             level0_value(x, y, channel, level);
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

TEST(ScaledRead, EqualsTheAreaMean) {
  const LevelInfo level0{300, 200, 1};
  NoiseSlide slide({level0});
  for (const double scale : {0.4, 1.0, 1.5, 2.0, 3.7, 40.0}) {
    for (const double x : {-5.3, 0.0, 250.25}) {
      const auto rgb = scaled(slide, x, 11.1, scale, 9, 5);
      for (int i = 0; i < 9 * 5; ++i) {
        const double x0 = x + (i % 9) * scale;
        const double y0 = 11.1 + (i / 9) * scale;
        for (int c = 0; c < 3; ++c) {
          EXPECT_NEAR(rgb[static_cast<std::size_t>(3 * i + c)],
                      area_mean(level0, x0, y0, x0 + scale, y0 + scale, c), 0.5 + 0.3)
              << "scale " << scale << " x " << x << " pixel " << i;
        }
      }
    }
  }
}

TEST(ScaledRead, ScaleOneIsLevelZero) {
  NoiseSlide slide({{300, 200, 1}, {150, 100, 2}});
  std::vector<std::uint8_t> expected(3 * 50 * 40);
  slide.read(0, -7, 180, {expected.data(), 50, 40, 150});
  EXPECT_EQ(scaled(slide, -7, 180, 1, 50, 40), expected);
}

TEST(ScaledRead, TakesTheCoarsestLevelThatIsFineEnough) {
  NoiseSlide slide({{300, 200, 1}, {150, 100, 2.0004}, {75, 50, 4}});
  EXPECT_EQ(scaled(slide, 0, 0, 2, 1, 1)[0], 10);
  EXPECT_EQ(scaled(slide, 0, 0, 3.9, 1, 1)[0], 10);
  EXPECT_EQ(scaled(slide, 0, 0, 4, 1, 1)[0], 20);
  EXPECT_EQ(scaled(slide, 0, 0, 20, 1, 1)[0], 20);
}

// Tiles overlap by their halos: what two of them read of one place must be equal.
TEST(ScaledRead, WindowsOfOneGridAgreeWhereTheyOverlap) {
  NoiseSlide slide({{9000, 700, 1}});
  const TileGrid grid = make_grid(9000, 700, 300, 20, 0.5, 0.2271);
  const double scale = grid.scale();
  const auto whole = scaled(slide, -20 * scale, 0, scale, 3000, 40);
  for (std::int64_t column = 0; column < grid.columns(); ++column) {
    const double x = static_cast<double>(column * grid.core_px) - 20 * scale;
    const auto tile = scaled(slide, x, 0, scale, 340, 40);
    for (std::int64_t y = 0; y < 40; ++y) {
      for (std::int64_t i = 0; i < 3 * std::min<std::int64_t>(340, 3000 - column * 300); ++i) {
        ASSERT_EQ(tile[static_cast<std::size_t>(y * 3 * 340 + i)],
                  whole[static_cast<std::size_t>((y * 3000 + column * 300) * 3 + i)])
            << "column " << column << " byte " << i;
      }
    }
  }
}

TEST(ScaledRead, ReadsBoundedBlocksWithoutAPyramid) {
  NoiseSlide slide({{40000, 30000, 1}});
  (void)scaled(slide, 0, 0, 32.5, 60, 40);
  EXPECT_LE(slide.largest_read, 1024 * 1024);
}

}  // namespace
}  // namespace tilepool
