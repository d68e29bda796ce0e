#include <array>

#include "common/kernels/tissue_filters.h"
#include "common/kernels/tissue_grey.h"
#include "common/kernels/tissue_variance.h"
#include "cuda/device_test.h"
#include "cuda/kernels/tissue_filters.h"
#include "cuda/kernels/tissue_grey.h"
#include "cuda/kernels/tissue_variance.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class TissueOnDevice : public testing::DeviceTest {
 protected:
  void expect_equal_windows(const Plane<std::uint8_t>& in, std::int64_t radius) {
    const std::int64_t w = in.width;
    const std::int64_t h = in.height;
    Plane<std::uint8_t> mean(w, h);
    Plane<std::uint16_t> variance(w, h);
    window_mean(in.view(), radius, host_scratch(), mean.view());
    window_variance(in.view(), radius, host_scratch(), variance.view());
    const std::size_t mark = scratch().mark();
    const auto in_there = up(in);
    const auto mean_there = up(Plane<std::uint8_t>(w, h, 7));
    const auto variance_there = up(Plane<std::uint16_t>(w, h, 7));
    gpu::Queue tight = queue_of(gpu::window_scratch_bytes(w, h));
    gpu::window_mean(tight, in_there, radius, mean_there);
    gpu::window_variance(tight, in_there, radius, variance_there);
    tight.wait();
    EXPECT_EQ(down(mean_there), mean.pixels) << w << " x " << h << ", radius " << radius;
    EXPECT_EQ(down(variance_there), variance.pixels) << w << " x " << h << ", radius " << radius;
    scratch().release(mark);
  }
  void expect_equal_median(const Plane<std::uint8_t>& in) {
    Plane<std::uint8_t> out(in.width, in.height);
    if (!in.pixels.empty()) median_7x7(in.view(), out.view());
    const auto there = up(Plane<std::uint8_t>(in.width, in.height, 7));
    gpu::median_7x7(queue(), up(in), there);
    EXPECT_EQ(down(there), out.pixels) << in.width << " x " << in.height;
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, TissueOnDevice, kOrders);

TEST_P(TissueOnDevice, PlanesEqualTheCpus) {
  for (const auto& [w, h] : kSizes) {
    auto bytes = noise<std::uint8_t>(3 * w, h, 256);
    for (std::size_t i = 0; i + 3 <= bytes.pixels.size() / 2; ++i)
      bytes.pixels[i] = i % 7 ? 0 : 255;
    const ConstRgbView here{bytes.pixels.data(), w, h, 3 * w};
    const ConstRgbView rgb{up(bytes.pixels).data(), w, h, 3 * w};
    Plane<std::uint8_t> plane(w, h);
    const auto there = up(plane);
    gpu::grey_plane(queue(), rgb, there);
    grey_plane(here, plane.view());
    EXPECT_EQ(down(there), plane.pixels) << w << " x " << h;
    gpu::brightest_plane(queue(), rgb, there);
    brightest_plane(here, plane.view());
    EXPECT_EQ(down(there), plane.pixels) << w << " x " << h;
    gpu::saturation_plane(queue(), rgb, there);
    saturation_plane(here, plane.view());
    EXPECT_EQ(down(there), plane.pixels) << w << " x " << h;

    const auto bins = up(std::vector<std::uint64_t>(256, 3));
    gpu::histogram(queue(), there, bins);
    const std::array<std::uint64_t, 256> wanted = histogram(plane.view());
    EXPECT_EQ(down(std::span<const std::uint64_t>(bins)),
              std::vector<std::uint64_t>(wanted.begin(), wanted.end()));
  }
}

TEST_P(TissueOnDevice, BoxAverage) {
  for (const auto& [w, h] : kSizes) {
    for (const std::int64_t k : {1, 3, 8, 33, 300}) {
      const auto in = noise<std::uint8_t>(3 * w, h, 256);
      const std::int64_t out_w = (w + k - 1) / k;
      const std::int64_t out_h = (h + k - 1) / k;
      Plane<std::uint8_t> out(3 * out_w, out_h);
      const auto there = up(out);
      gpu::box_average(queue(), {up(in).data, w, h, 3 * w}, k,
                       {there.data, out_w, out_h, 3 * out_w});
      box_average({in.pixels.data(), w, h, 3 * w}, k, {out.pixels.data(), out_w, out_h, 3 * out_w});
      EXPECT_EQ(down(there), out.pixels) << w << " x " << h << ", k " << k;
    }
  }
}

TEST_P(TissueOnDevice, Median) {
  for (const auto& [w, h] : kSizes) {
    expect_equal_median(noise<std::uint8_t>(w, h, 256));
    expect_equal_median(noise<std::uint8_t>(w, h, 2));
    expect_equal_median(Plane<std::uint8_t>(w, h, 255));
    expect_equal_median(Plane<std::uint8_t>(w, h, 0));
  }
}

TEST_P(TissueOnDevice, Windows) {
  for (const auto& [w, h] : kSizes) expect_equal_windows(noise<std::uint8_t>(w, h, 256), 5);
  for (const std::int64_t radius : {1, 33})
    expect_equal_windows(noise<std::uint8_t>(131, 70, 256), radius);
  expect_equal_windows(Plane<std::uint8_t>(140, 135, 255), 64);
  expect_equal_windows(noise<std::uint8_t>(4500, 3, 256), 64);
}

TEST_P(TissueOnDevice, MaskFromVariance) {
  for (const auto& [w, h] : kSizes) {
    const auto variance = noise<std::uint16_t>(w, h, 20);
    for (const double threshold : {0.0, 9.5, 10.0, 30.0}) {
      Plane<std::uint8_t> mask(w, h);
      const auto there = up(mask);
      gpu::mask_from_variance(queue(), up(variance), threshold, there);
      mask_from_variance(variance.view(), threshold, mask.view());
      EXPECT_EQ(down(there), mask.pixels) << w << " x " << h << ", above " << threshold;
    }
  }
}

}  // namespace
}  // namespace tilepool
