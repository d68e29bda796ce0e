#include "cuda/kernels/region_box.h"

#include <algorithm>

#include "common/kernels/region_box.h"
#include "cuda/device_test.h"
#include "cuda/labelled.h"

namespace tilepool {
namespace {

using testing::expect_equal;
using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class RegionBoxOnDevice : public testing::DeviceTest {
 protected:
  void compare(const Plane<std::int32_t>& plane, ImageView<const std::int32_t> there,
               ImageView<const std::int32_t> here, const std::string& what) {
    std::int32_t n = 2;  // two labels without pixels
    for (const std::int32_t label : plane.pixels) n = std::max(n, label + 2);
    std::vector<RegionBox> expected(static_cast<std::size_t>(n));
    measure_boxes(here, expected);
    const RegionBox untouched{1, 2, 3, 4, 5, 6, 7, 8};
    expected.resize(expected.size() + 70, untouched);
    const auto boxes = up(std::vector<RegionBox>(expected.size(), untouched));
    gpu::measure_boxes(queue(), there, up(std::vector<std::int32_t>{n}).data(), boxes);
    expect_equal(down(std::span<const RegionBox>(boxes)), expected, what);
  }
  void compare(const Plane<std::int32_t>& plane, const std::string& what) {
    compare(plane, up(plane), plane.view(), what);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, RegionBoxOnDevice, kOrders);

TEST_P(RegionBoxOnDevice, EqualsTheCpu) {
  for (const auto& [width, height] : kSizes) {
    compare(noise<std::int32_t>(width, height, 2), "one label");
    compare(noise<std::int32_t>(width, height, 40), "scattered labels");
    compare(Plane<std::int32_t>(width, height, 1), "all one");
    compare(Plane<std::int32_t>(width, height, 0), "nothing");
  }
  compare(testing::labelled_discs(random(), 190, 140, 40), "discs");
}

TEST_P(RegionBoxOnDevice, RowsWithGaps) {
  const auto plane = testing::labelled_discs(random(), 120, 90, 30);
  compare(plane, up(plane).window(3, 4, 101, 70), plane.view().window(3, 4, 101, 70), "window");
}

TEST_P(RegionBoxOnDevice, NoLabels) {
  const auto plane = noise<std::int32_t>(40, 30, 1);
  gpu::measure_boxes(queue(), up(plane), up(std::vector<std::int32_t>{0}).data(), {});
  const auto boxes = up(std::vector<RegionBox>(3, RegionBox{1, 2, 3, 4, 5, 6, 7, 8}));
  gpu::measure_boxes(queue(), up(plane), up(std::vector<std::int32_t>{0}).data(), boxes);
  expect_equal(down(std::span<const RegionBox>(boxes)),
               std::vector<RegionBox>(3, RegionBox{1, 2, 3, 4, 5, 6, 7, 8}), "untouched");
}

}  // namespace
}  // namespace tilepool
