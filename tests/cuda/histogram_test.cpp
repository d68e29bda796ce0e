#include "cuda/kernels/histogram.h"

#include "common/kernels/histogram.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class HistogramOnDevice : public testing::DeviceTest {
 protected:
  void expect_equal(const Plane<std::uint16_t>& plane, int shift, std::size_t bin_count) {
    std::vector<std::uint64_t> bins(bin_count, std::uint64_t{1} << 33);
    const std::size_t mark = scratch().mark();
    const auto there = up(bins);
    gpu::add_histogram(queue(), up(plane), shift, there);
    add_histogram(plane.view(), shift, bins);
    EXPECT_EQ(down(std::span<const std::uint64_t>(there)), bins)
        << plane.width << " x " << plane.height << ", shift " << shift << ", " << bin_count;
    scratch().release(mark);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, HistogramOnDevice, kOrders);

TEST_P(HistogramOnDevice, EqualsTheCpu) {
  for (const auto& [w, h] : kSizes) {
    const auto plane = noise<std::uint16_t>(w, h, 65536);
    expect_equal(plane, 0, 65536);
    expect_equal(plane, 0, 70000);
    expect_equal(plane, 4, 4096);
    expect_equal(plane, 4, 4097);
    expect_equal(plane, 8, 200);
    expect_equal(plane, 0, 1);
    expect_equal(noise<std::uint16_t>(w, h, 2), 0, 4096);
    expect_equal(Plane<std::uint16_t>(w, h, 4095), 4, 256);
  }
}

TEST_P(HistogramOnDevice, MorePixelsThanThreads) {
  expect_equal(noise<std::uint16_t>(1203, 1201, 4096), 0, 4096);
}

TEST_P(HistogramOnDevice, PartOfAPlane) {
  const auto plane = noise<std::uint16_t>(120, 40, 4096);
  std::vector<std::uint64_t> bins(4096, 0);
  const auto there = up(bins);
  const ImageView<const std::uint16_t> plane_there = up(plane);
  for (const std::int64_t x : {8, 11}) {
    gpu::add_histogram(queue(), plane_there.window(x, 3, 90, 31), 0, there);
    add_histogram(plane.view().window(x, 3, 90, 31), 0, bins);
  }
  EXPECT_EQ(down(std::span<const std::uint64_t>(there)), bins);
}

}  // namespace
}  // namespace tilepool
