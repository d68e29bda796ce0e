#include "cuda/kernels/gaussian.h"

#include <numeric>

#include "common/kernels/gaussian.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class GaussianOnDevice : public testing::DeviceTest {
 protected:
  void expect_equal(const Plane<std::uint16_t>& in, const SmoothingKernel& kernel) {
    const std::int64_t w = in.width;
    const std::int64_t h = in.height;
    Plane<std::uint16_t> out(w, h);
    const std::size_t mark = host_scratch().mark();
    smooth(in.view(), kernel, host_scratch(), out.view());
    host_scratch().release(mark);
    const std::size_t there_mark = scratch().mark();
    const auto in_there = up(in);
    const auto out_there = up(Plane<std::uint16_t>(w, h));
    gpu::Queue tight = queue_of(gpu::smooth_scratch_bytes(w, h, kernel.radius()));
    gpu::smooth(tight, in_there, kernel, out_there);
    tight.wait();
    EXPECT_EQ(down(out_there), out.pixels) << w << " x " << h << ", radius " << kernel.radius();
    gpu::smooth(tight, in_there, kernel, in_there);
    tight.wait();
    EXPECT_EQ(down(in_there), out.pixels) << w << " x " << h << " in place";
    scratch().release(there_mark);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, GaussianOnDevice, kOrders);

TEST_P(GaussianOnDevice, EqualsTheCpu) {
  for (const auto& [w, h] : kSizes) {
    for (const double sigma : {0.0, 0.8, 1.9, 4.6}) {
      expect_equal(noise<std::uint16_t>(w, h, 4096), gaussian_kernel(sigma));
    }
  }
}

TEST_P(GaussianOnDevice, EveryRadiusAroundTheChangeOfMethod) {
  const auto in = noise<std::uint16_t>(81, 67, 4096);
  for (std::int64_t radius = 0; radius <= 18; ++radius) {
    SmoothingKernel kernel;  // unlike a Gaussian, with all of its weights different and far from 0
    for (std::int64_t k = 0; k <= radius; ++k)
      kernel.weight.push_back(static_cast<std::uint16_t>(50 + 3 * k));
    const int rest = std::accumulate(kernel.weight.begin() + 1, kernel.weight.end(), 0);
    kernel.weight[0] = static_cast<std::uint16_t>(4096 - 2 * rest);
    expect_equal(in, kernel);
  }
}

TEST_P(GaussianOnDevice, ExtremeValues) {
  expect_equal(Plane<std::uint16_t>(70, 70, 4095), gaussian_kernel(2));
  expect_equal(Plane<std::uint16_t>(70, 70, 4095), gaussian_kernel(9));
  expect_equal(Plane<std::uint16_t>(70, 70, 0), gaussian_kernel(2));
}

TEST_P(GaussianOnDevice, RadiusLargerThanTheImage) {
  expect_equal(noise<std::uint16_t>(3, 2, 4096), gaussian_kernel(5));
  expect_equal(noise<std::uint16_t>(9, 14, 4096),
               gaussian_kernel(700));  // several loads of weights
}

TEST_P(GaussianOnDevice, WindowsOfLargerPlanes) {
  const auto in = noise<std::uint16_t>(200, 90, 4096);
  auto around = noise<std::uint16_t>(160, 100, 4096);
  const ImageView<const std::uint16_t> in_there = up(in);
  const auto there = up(around);
  for (const std::int64_t x : {8, 9}) {
    gpu::smooth(queue(), in_there.window(x, 3, 120, 80), gaussian_kernel(1.5),
                there.window(17, 11, 120, 80));
    smooth(in.view().window(x, 3, 120, 80), gaussian_kernel(1.5), host_scratch(),
           around.view().window(17, 11, 120, 80));
    EXPECT_EQ(down(there), around.pixels);
  }
}

}  // namespace
}  // namespace tilepool
