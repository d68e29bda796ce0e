#include "cuda/kernels/morphology.h"

#include "common/kernels/morphology.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;
using Mask = Plane<std::uint8_t>;

class MorphologyOnDevice : public testing::DeviceTest {
 protected:
  using OnDevice = void (*)(gpu::Queue&, ImageView<const std::uint8_t>, const Disk&,
                            ImageView<std::uint8_t>);
  using OnCpu = void (*)(ImageView<const std::uint8_t>, const Disk&, Arena&,
                         ImageView<std::uint8_t>);
  struct Operation {
    const char* name;
    OnDevice there;
    OnCpu here;
  };
  static constexpr Operation kOperations[] = {
      {"erode", gpu::erode, erode}, {"dilate", gpu::dilate, dilate}, {"open", gpu::open, open}};

  void expect_equal(const Mask& mask, double radius) {
    const Disk disk = make_disk(radius);
    for (const Operation& operation : kOperations) {
      Mask wanted(mask.width, mask.height);
      operation.here(mask.view(), disk, host_scratch(), wanted.view());
      gpu::Queue queue = queue_of(gpu::morphology_scratch_bytes(mask.width, mask.height));
      const std::size_t mark = scratch().mark();
      const ImageView<std::uint8_t> in = up(mask);
      const ImageView<std::uint8_t> out = up(Mask(mask.width, mask.height, 7));
      operation.there(queue, in, disk, out);
      operation.there(queue, in, disk, in);
      queue.wait();
      EXPECT_EQ(down(out), wanted.pixels)
          << operation.name << ' ' << mask.width << " x " << mask.height << ", radius " << radius;
      EXPECT_EQ(down(in), wanted.pixels) << operation.name << " in place, radius " << radius;
      scratch().release(mark);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, MorphologyOnDevice, kOrders);

TEST_P(MorphologyOnDevice, EqualsTheCpuForSmallDisks) {
  for (const auto& [width, height] : kSizes) {
    for (const double radius : {0.0, 1.0, 1.5, 2.9, 4.0, 7.3, 15.99, 16.0}) {
      expect_equal(blobs(width, height, 0.7), radius);
    }
    expect_equal(noise<std::uint8_t>(width, height, 2), 1);
    expect_equal(Mask(width, height, 1), 16);
    expect_equal(Mask(width, height, 0), 5);
  }
}

TEST_P(MorphologyOnDevice, EqualsTheCpuForLargeDisks) {
  for (const double radius : {17.0, 32.0, 33.0, 64.5, 128.9, 129.0, 254.0}) {
    expect_equal(blobs(257, 100, 0.3), radius);
    Mask holes(190, 310, 1);
    for (int i = 0; i < 5; ++i) holes.at(random()() % 190, random()() % 310) = 0;
    expect_equal(holes, radius);
    Mask dots(600, 40, 0);
    for (int i = 0; i < 3; ++i) dots.at(random()() % 600, random()() % 40) = 1;
    expect_equal(dots, radius);
  }
}

TEST_P(MorphologyOnDevice, MeetsTheEdgesOfItsTiles) {
  for (const std::int64_t x : {0, 31, 32, 511, 512, 543, 544, 1100}) {
    for (const std::int64_t y : {0, 31, 32, 69}) {
      Mask one(1101, 70, 0);
      one.at(x, y) = 1;
      expect_equal(one, 16);
    }
  }
}

TEST_P(MorphologyOnDevice, TakesWindowsOfLargerImages) {
  const Mask from = blobs(300, 90, 0.6);
  for (const std::int64_t x : {1, 3, 16, 21}) {
    for (const double radius : {3.0, 20.0}) {
      const Disk disk = make_disk(radius);
      Mask wanted(333, 80, 5);
      open(from.view().window(x, 2, 270, 75), disk, host_scratch(),
           wanted.view().window(x + 5, 3, 270, 75));
      const ImageView<std::uint8_t> there = up(Mask(333, 80, 5));
      gpu::open(queue(), up(from).window(x, 2, 270, 75), disk, there.window(x + 5, 3, 270, 75));
      EXPECT_EQ(down(there), wanted.pixels) << "from column " << x << ", radius " << radius;
    }
  }
}

}  // namespace
}  // namespace tilepool
