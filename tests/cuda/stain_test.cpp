#include "cuda/kernels/stain.h"

#include <algorithm>

#include "common/kernels/stain.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class StainOnDevice : public testing::DeviceTest {
 protected:
  /// Pixels with `gap` bytes more than a row has, on both sides: equal bytes.
  struct Pixels {
    std::vector<std::uint8_t> bytes;
    ConstRgbView here, there;
  };
  Pixels pixels(std::int64_t width, std::int64_t height, std::int64_t gap) {
    Pixels p;
    const std::int64_t stride = 3 * width + gap;
    p.bytes = noise<std::uint8_t>(stride, height, 256).pixels;
    p.here = {p.bytes.data(), width, height, stride};
    p.there = {up(p.bytes).data(), width, height, stride};
    return p;
  }
  UnmixTable table() {
    UnmixTable t{};
    std::uniform_int_distribution<int> term(-(1 << 20), 1 << 23);
    for (auto& channel : t.term)
      for (std::int32_t& value : channel) value = term(random());
    return t;
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, StainOnDevice, kOrders);

TEST_P(StainOnDevice, EqualsTheCpu) {
  const UnmixTable t = table();
  for (const auto& [w, h] : kSizes) {
    for (const std::int64_t gap : {0, 5, 24}) {
      const Pixels p = pixels(w, h, gap);
      Plane<std::uint16_t> plane(w, h);
      Plane<std::uint8_t> mask(w, h);
      const auto plane_there = up(plane);
      const auto mask_there = up(mask);
      gpu::unmix(queue(), p.there, t, plane_there);
      unmix(p.here, t, plane.view());
      EXPECT_EQ(down(plane_there), plane.pixels) << w << " x " << h << ", gap " << gap;
      gpu::brightest_channel(queue(), p.there, plane_there);
      brightest_channel(p.here, plane.view());
      EXPECT_EQ(down(plane_there), plane.pixels) << w << " x " << h << ", gap " << gap;
      for (const int limit : {0, 70, 256}) {
        gpu::stained_mask(queue(), p.there, limit, mask_there);
        stained_mask(p.here, limit, mask.view());
        EXPECT_EQ(down(mask_there), mask.pixels) << w << " x " << h << ", limit " << limit;
      }
    }
  }
}

TEST_P(StainOnDevice, PlaneAndCountedInOnePass) {
  const UnmixTable t = table();
  for (const auto& [w, h] : kSizes) {
    for (const Rect& inside : {Rect{0, 0, w, h}, Rect{w / 3, h / 4, w / 2, h / 2},
                               Rect{w / 2, 0, w - w / 2, h}, Rect{0, 0, 0, 0}}) {
      const Pixels p = pixels(w, h, h % 2 == 0 ? 0 : 8);
      Plane<std::uint16_t> plane(w, h);
      Plane<std::uint8_t> counted(w, h);
      const auto plane_there = up(plane);
      const auto counted_there = up(counted);
      const auto keep_inside = [&, w = w, h = h] {
        for (std::int64_t y = 0; y < h; ++y)
          for (std::int64_t x = 0; x < w; ++x)
            if (x < inside.x || x >= inside.x + inside.w || y < inside.y ||
                y >= inside.y + inside.h)
              counted.at(x, y) = 0;
      };
      gpu::unmix_inside(queue(), p.there, t, 90, inside, plane_there, counted_there);
      unmix(p.here, t, plane.view());
      stained_mask(p.here, 90, counted.view());
      keep_inside();
      EXPECT_EQ(down(plane_there), plane.pixels) << w << " x " << h;
      EXPECT_EQ(down(counted_there), counted.pixels) << w << " x " << h;
      gpu::brightest_inside(queue(), p.there, inside, plane_there, counted_there);
      brightest_channel(p.here, plane.view());
      std::fill(counted.pixels.begin(), counted.pixels.end(), std::uint8_t{1});
      keep_inside();
      EXPECT_EQ(down(plane_there), plane.pixels) << w << " x " << h;
      EXPECT_EQ(down(counted_there), counted.pixels) << w << " x " << h;
    }
  }
}

TEST_P(StainOnDevice, WindowsOfLargerPlanesKeepWhatIsAround) {
  const Pixels p = pixels(100, 40, 0);
  auto around = noise<std::uint16_t>(200, 50, 4096);
  const ImageView<std::uint16_t> there = up(around);
  const auto part = p.there.window(8, 3, 64, 30);
  gpu::brightest_channel(queue(), part, there.window(16, 5, 64, 30));
  gpu::brightest_channel(queue(), part.window(1, 0, 63, 9), there.window(101, 7, 63, 9));
  brightest_channel(p.here.window(8, 3, 64, 30), around.view().window(16, 5, 64, 30));
  brightest_channel(p.here.window(9, 3, 63, 9), around.view().window(101, 7, 63, 9));
  EXPECT_EQ(down(there), around.pixels);
}

TEST_P(StainOnDevice, MorePixelsThanThreads) {
  const Pixels p = pixels(1501, 1499, 0);
  Plane<std::uint16_t> plane(1501, 1499);
  const auto there = up(plane);
  gpu::brightest_channel(queue(), p.there, there);
  brightest_channel(p.here, plane.view());
  EXPECT_EQ(down(there), plane.pixels);
}

}  // namespace
}  // namespace tilepool
