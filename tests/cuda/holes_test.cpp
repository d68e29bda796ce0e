#include "cuda/kernels/holes.h"

#include <algorithm>

#include "common/kernels/holes.h"
#include "cuda/device_test.h"
#include "cuda/shapes.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::opposite;
using testing::Plane;
using Mask = Plane<std::uint8_t>;

class HolesOnDevice : public testing::DeviceTest {
 protected:
  void expect_filled(const Mask& before, std::int64_t max_area) {
    const std::size_t mark = scratch().mark();
    Mask wanted = before;
    fill_holes(wanted.view(), max_area, host_scratch());
    gpu::Queue queue = queue_of(gpu::fill_holes_scratch_bytes(before.width, before.height));
    const auto mask = up(before);
    gpu::fill_holes(queue, mask, max_area);
    queue.wait();
    EXPECT_EQ(down(mask), wanted.pixels)
        << before.width << " x " << before.height << ", at most " << max_area;
    scratch().release(mark);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, HolesOnDevice, kOrders);

TEST_P(HolesOnDevice, EqualTheCpu) {
  for (const auto& [width, height] : kSizes) {
    const Mask grain = noise<std::uint8_t>(width, height, 2);
    const Mask holes = opposite(blobs(width, height, 0.3));
    for (const std::int64_t most : {-3, 0, 1, 2, 9, 100, 1 << 30}) {
      expect_filled(grain, most);
      expect_filled(holes, most);
    }
    expect_filled(holes, std::int64_t{1} << 40);
    expect_filled(Mask(width, height, 0), 1 << 20);
    expect_filled(Mask(width, height, 1), 1 << 20);
  }
}

/// A rim of ones, so that what winds inside is a hole.
Mask closed(Mask mask, bool open_at_the_corner) {
  for (std::int64_t x = 0; x < mask.width; ++x) mask.at(x, 0) = mask.at(x, mask.height - 1) = 1;
  for (std::int64_t y = 0; y < mask.height; ++y) mask.at(0, y) = mask.at(mask.width - 1, y) = 1;
  if (open_at_the_corner) mask.at(mask.width - 1, mask.height / 2) = 0;
  return mask;
}

TEST_P(HolesOnDevice, CountHolesThatWindThroughAllTiles) {
  for (const bool open : {false, true}) {
    const Mask wound[] = {closed(testing::spiral(290, 140), open),
                          closed(opposite(testing::spiral(290, 140)), open),
                          closed(opposite(testing::snake(290, 140, false)), open),
                          closed(opposite(testing::snake(290, 140, true)), open),
                          closed(opposite(testing::comb(290, 140, true)), open),
                          closed(opposite(testing::diagonals(290, 140, 3, true)), open),
                          closed(Mask(290, 140, 0), open)};
    for (const Mask& mask : wound) {
      const auto zeros = std::count(mask.pixels.begin(), mask.pixels.end(), std::uint8_t{0});
      for (const std::int64_t most : {zeros - 1, zeros, zeros / 2}) expect_filled(mask, most);
    }
  }
}

TEST_P(HolesOnDevice, FillUpToTheLastPixelOfTheLimit) {
  Mask mask(150, 80, 1);
  for (std::int64_t y = 50; y < 70; ++y) {
    for (std::int64_t x = 100; x < 140; ++x) mask.at(x, y) = 0;
  }
  for (const std::int64_t most : {799, 800, 801}) expect_filled(mask, most);
}

TEST_P(HolesOnDevice, StayInsideTheirWindow) {
  const Mask from = opposite(blobs(200, 90, 0.4));
  Mask wanted = from;
  fill_holes(wanted.view().window(5, 3, 131, 80), 60, host_scratch());
  const auto mask = up(from);
  gpu::fill_holes(queue(), mask.window(5, 3, 131, 80), 60);
  EXPECT_EQ(down(mask), wanted.pixels);
}

}  // namespace
}  // namespace tilepool
