#include "cuda/kernels/watershed.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/kernels/distance.h"
#include "common/kernels/gaussian.h"
#include "common/kernels/watershed.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

const std::vector<MergeRule> kRules = {{0, 0, 1},  {65535, 0, 1}, {0, 65535, 0},
                                       {2, 40, 2}, {3, 9, 0.9},   {20, 600, 0.85}};

class WatershedOnDevice : public testing::DeviceTest {
 protected:
  void compare(const Plane<std::uint8_t>& mask, const Plane<std::uint16_t>& height,
               const std::string& what) {
    for (const MergeRule& rule : kRules) compare(mask, height, rule, what);
  }
  void compare(const Plane<std::uint8_t>& mask, const Plane<std::uint16_t>& height,
               const MergeRule& rule, const std::string& what) {
    const std::size_t mark = scratch().mark();
    Plane<std::int32_t> expected(mask.width, mask.height);
    const std::int32_t n =
        split_by_dynamics(mask.view(), height.view(), rule, host_scratch(), expected.view());
    const auto labels = up(Plane<std::int32_t>(mask.width, mask.height, 77));
    const auto count = up(std::vector<std::int32_t>{77});
    gpu::Queue exact = queue_of(gpu::split_by_dynamics_scratch_bytes(mask.width, mask.height));
    gpu::split_by_dynamics(exact, up(mask), up(height), rule, labels, count.data());
    exact.wait();
    const std::string name = what + ", " + std::to_string(mask.width) + " x " +
                             std::to_string(mask.height) + ", depth " + std::to_string(rule.depth) +
                             ", fill depth " + std::to_string(rule.fill_depth) + ", fill " +
                             std::to_string(rule.fill);
    EXPECT_EQ(down(std::span<const std::int32_t>(count))[0], n) << name;
    EXPECT_TRUE(down(labels) == expected.pixels) << name;
    scratch().release(mark);
  }

  /// The height map of segmentation.
  Plane<std::uint16_t> distance_map(const Plane<std::uint8_t>& mask, double sigma) {
    Plane<std::uint16_t> height(mask.width, mask.height);
    const std::size_t mark = host_scratch().mark();
    distance_sixteenths(mask.view(), host_scratch(), height.view());
    const SmoothingKernel kernel = gaussian_kernel(sigma);
    smooth(height.view(), kernel, host_scratch(), height.view());
    host_scratch().release(mark);
    return height;
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, WatershedOnDevice, kOrders);

template <class Fn>
Plane<std::uint16_t> heights_of(std::int64_t width, std::int64_t height, Fn fn) {
  Plane<std::uint16_t> plane(width, height);
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) plane.at(x, y) = static_cast<std::uint16_t>(fn(x, y));
  return plane;
}

TEST_P(WatershedOnDevice, NoiseOfAllSizes) {
  for (const auto& [width, height] : kSizes) {
    const MergeRule rule{600, 1800, 0.8};
    compare(noise<std::uint8_t>(width, height, 2), noise<std::uint16_t>(width, height, 4096), rule,
            "noise");
    compare(Plane<std::uint8_t>(width, height, 1), noise<std::uint16_t>(width, height, 3),
            {1, 2, 0.5}, "coarse noise");
  }
}

TEST_P(WatershedOnDevice, Nothing) {
  compare(Plane<std::uint8_t>(70, 40, 0), noise<std::uint16_t>(70, 40, 9), {5, 9, 0.9}, "no mask");
}

TEST_P(WatershedOnDevice, NoiseWithEveryRule) {
  compare(Plane<std::uint8_t>(41, 37, 1), noise<std::uint16_t>(41, 37, 65536), "full range");
  compare(noise<std::uint8_t>(41, 37, 3), noise<std::uint16_t>(41, 37, 4), "plateaus");
  compare(Plane<std::uint8_t>(41, 37, 1), noise<std::uint16_t>(41, 37, 60), "shallow");
}

TEST_P(WatershedOnDevice, BlobsAsInSegmentation) {
  for (const double sigma : {0.7, 2.0}) {
    const auto mask = blobs(120, 90, 0.6);
    compare(mask, distance_map(mask, sigma), "blobs");
  }
}

TEST_P(WatershedOnDevice, Plateaus) {
  const Plane<std::uint8_t> all(50, 36, 1);
  compare(all, Plane<std::uint16_t>(50, 36, 5), {1, 0, 1}, "one plateau");
  const auto terraces = heights_of(50, 36, [](auto x, auto y) { return (x / 9 + y / 7) % 4; });
  compare(all, terraces, "terraces");
  const auto checks = heights_of(50, 36, [](auto x, auto y) { return (x + y) % 2; });
  compare(all, checks, "checkerboard of heights");
  Plane<std::uint8_t> checked(50, 36);
  for (std::int64_t y = 0; y < 36; ++y)
    for (std::int64_t x = 0; x < 50; ++x) checked.at(x, y) = (x + y) % 2 == 0 ? 1 : 0;
  compare(checked, Plane<std::uint16_t>(50, 36, 5), "checkerboard of pixels");
}

TEST_P(WatershedOnDevice, ManyPeaksInOneBlob) {
  const Plane<std::uint8_t> all(72, 66, 1);
  const auto waves = heights_of(72, 66, [](auto x, auto y) {
    return 200 + 50 * std::sin(0.9 * double(x)) * std::sin(0.8 * double(y)) + double(x % 3);
  });
  compare(all, waves, "waves");
}

TEST_P(WatershedOnDevice, LongChains) {
  // Each saddle is lower than the one before: at most a few can be settled at the same time.
  const auto stairs = heights_of(400, 3, [](auto x, auto) { return 4000 - x * 4 + (x % 4) * 7; });
  for (const MergeRule& rule : {MergeRule{9, 0, 1}, MergeRule{3, 4000, 0.6}}) {
    compare(Plane<std::uint8_t>(400, 3, 1), stairs, rule, "stairs");
  }
  // A path that winds through the whole image, uphill.
  Plane<std::uint8_t> snake(101, 61);
  Plane<std::uint16_t> ramp(101, 61);
  std::uint16_t step = 0;
  for (std::int64_t y = 0; y < 61; ++y) {
    for (std::int64_t k = 0; k < 101; ++k) {
      const std::int64_t x = y % 4 < 2 ? k : 100 - k;
      if (y % 2 == 1 && k > 0) continue;
      const std::int64_t at = y % 2 == 0 ? x : (y % 4 == 1 ? 100 : 0);
      snake.at(at, y) = 1;
      ramp.at(at, y) = ++step;
    }
  }
  compare(snake, ramp, {4, 9, 0.5}, "snake uphill");
  for (auto& h : ramp.pixels) h = static_cast<std::uint16_t>(h + 5 * (h % 3));
  compare(snake, ramp, {3, 9, 0.1}, "snake with bumps");
}

TEST_P(WatershedOnDevice, OneBasinAmongManySmallOnes) {
  // All saddles touch the basin in the middle, so that they must come one after the other.
  Plane<std::uint8_t> all(150, 60, 1);
  const auto star = heights_of(150, 60, [](auto x, auto y) {
    if (y < 30) return 3000 - static_cast<int>(x + y);
    return y % 2 == 1 && x % 2 == 1 ? 1000 + static_cast<int>((x * 7919 + y * 104729) % 800) : 500;
  });
  compare(all, star, {2000, 4000, 0.2}, "star");
  compare(all, star, {300, 4000, 0.7}, "star");
}

TEST_P(WatershedOnDevice, RowsWithGaps) {
  const auto mask = blobs(120, 80, 0.5);
  const auto height = noise<std::uint16_t>(120, 80, 200);
  const auto window = [](const auto& view) { return view.window(7, 5, 101, 70); };
  Plane<std::int32_t> expected(101, 70);
  const MergeRule rule{50, 120, 0.8};
  const std::int32_t n = split_by_dynamics(window(mask.view()), window(height.view()), rule,
                                           host_scratch(), expected.view());
  const auto labels = up(Plane<std::int32_t>(101, 70));
  const auto count = up(std::vector<std::int32_t>{0});
  gpu::split_by_dynamics(queue(), window(up(mask)), window(up(height)), rule, labels, count.data());
  EXPECT_EQ(down(labels), expected.pixels);
  EXPECT_EQ(down(std::span<const std::int32_t>(count))[0], n);
}

}  // namespace
}  // namespace tilepool
