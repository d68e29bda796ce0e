#include "cuda/kernels/local_threshold.h"

#include "common/kernels/local_threshold.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class LocalThresholdOnDevice : public testing::DeviceTest {
 protected:
  void expect_equal(const Plane<std::uint16_t>& plane, const Plane<std::uint8_t>& counted,
                    const LocalThreshold& threshold) {
    const std::int64_t w = plane.width;
    const std::int64_t h = plane.height;
    Plane<std::uint8_t> out(w, h);
    above_local_threshold(plane.view(), counted.view(), threshold, host_scratch(), out.view());
    const std::size_t mark = scratch().mark();
    const auto there = up(Plane<std::uint8_t>(w, h, 7));
    gpu::Queue tight =
        queue_of(gpu::above_local_threshold_scratch_bytes(w, h, threshold.radius_px));
    gpu::above_local_threshold(tight, up(plane), up(counted), threshold, there);
    tight.wait();
    EXPECT_EQ(down(there), out.pixels) << w << " x " << h << ", radius " << threshold.radius_px;
    scratch().release(mark);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, LocalThresholdOnDevice, kOrders);

TEST_P(LocalThresholdOnDevice, EqualsTheCpu) {
  for (const auto& [w, h] : kSizes) {
    const auto plane = noise<std::uint16_t>(w, h, 4096);
    for (const std::int64_t radius : {15, 1000}) {
      expect_equal(plane, noise<std::uint8_t>(w, h, 3), {1000, 128, radius});
    }
    expect_equal(plane, blobs(w, h, 0.3), {2100, 200, 33});
  }
}

TEST_P(LocalThresholdOnDevice, ManyRadiiAndWeights) {
  const auto plane = noise<std::uint16_t>(67, 97, 4096);
  for (const std::int64_t radius : {0, 1, 16, 31, 33, 70}) {
    expect_equal(plane, noise<std::uint8_t>(67, 97, 3), {1000, 128, radius});
  }
  const auto small = noise<std::uint16_t>(67, 20, 4096);
  expect_equal(small, Plane<std::uint8_t>(67, 20, 1), {4095, 0, 9});
  expect_equal(small, Plane<std::uint8_t>(67, 20, 255), {0, 256, 9});
  expect_equal(small, Plane<std::uint8_t>(67, 20, 0), {0, 256, 9});
}

TEST_P(LocalThresholdOnDevice, EqualIsNotAbove) {
  for (const std::int64_t radius : {3, 600}) {
    expect_equal(Plane<std::uint16_t>(90, 70, 4095), Plane<std::uint8_t>(90, 70, 1),
                 {4095, 100, radius});
    expect_equal(Plane<std::uint16_t>(90, 70, 4095), Plane<std::uint8_t>(90, 70, 1),
                 {4094, 100, radius});
  }
}

TEST_P(LocalThresholdOnDevice, RowsOfSeveralBlocksAndFullSums) {
  const auto plane = noise<std::uint16_t>(5003, 35, 4096);
  expect_equal(plane, Plane<std::uint8_t>(5003, 35, 1), {1500, 128, 100});
  expect_equal(plane, noise<std::uint8_t>(5003, 35, 2), {1500, 128, 1000});
  // The largest sum that fits the smaller words.
  Plane<std::uint16_t> bright(1024, 1023, 4095);
  bright.at(512, 512) = 4094;
  expect_equal(bright, Plane<std::uint8_t>(1024, 1023, 1), {4095, 256, 511});
}

TEST_P(LocalThresholdOnDevice, WindowsOfLargerPlanes) {
  const auto plane = noise<std::uint16_t>(140, 70, 4096);
  const auto counted = noise<std::uint8_t>(140, 70, 2);
  auto around = noise<std::uint8_t>(150, 80, 256);
  const ImageView<const std::uint16_t> plane_there = up(plane);
  const ImageView<const std::uint8_t> counted_there = up(counted);
  const auto there = up(around);
  for (const std::int64_t x : {4, 5}) {
    const LocalThreshold threshold{1000, 200, 12};
    gpu::above_local_threshold(queue(), plane_there.window(x, 2, 99, 60),
                               counted_there.window(x, 2, 99, 60), threshold,
                               there.window(8, 3, 99, 60));
    above_local_threshold(plane.view().window(x, 2, 99, 60), counted.view().window(x, 2, 99, 60),
                          threshold, host_scratch(), around.view().window(8, 3, 99, 60));
    EXPECT_EQ(down(there), around.pixels);
  }
}

}  // namespace
}  // namespace tilepool
