#include "cuda/kernels/region_shape.h"

#include "common/kernels/region_shape.h"
#include "cuda/device_test.h"
#include "cuda/labelled.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class RegionShapeOnDevice : public testing::DeviceTest {
 protected:
  void compare(ImageView<const std::int32_t> there, ImageView<const std::int32_t> here,
               const std::string& what) {
    const testing::Regions regions = testing::regions_of(here);
    std::vector<RegionShape> expected;
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < regions.labels.size(); ++i) {
      const RegionBox& box = regions.boxes[i];
      rows += box.y_end - box.y_begin;
      expected.push_back(measure_shape(here, regions.labels[i], box, host_scratch()));
    }
    const auto shapes = up(std::vector<RegionShape>(expected.size()));
    gpu::Queue exact = queue_of(gpu::measure_shape_scratch_bytes(expected.size(), rows));
    gpu::measure_shape(exact, there, {up(regions.labels), up(regions.boxes)}, rows, shapes);
    exact.wait();
    testing::expect_equal(down(std::span<const RegionShape>(shapes)), expected, what);
  }
  void compare(const Plane<std::int32_t>& plane, const std::string& what) {
    const std::size_t mark = scratch().mark();
    compare(up(plane), plane.view(), what);
    scratch().release(mark);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, RegionShapeOnDevice, kOrders);

TEST_P(RegionShapeOnDevice, NoiseOfAllSizes) {
  for (const auto& [width, height] : kSizes) {
    const std::string what = std::to_string(width) + " x " + std::to_string(height);
    compare(noise<std::int32_t>(width, height, 2), "one label, " + what);
    compare(noise<std::int32_t>(width, height, 5), "four labels, " + what);
    compare(Plane<std::int32_t>(width, height, 1), "all one, " + what);
  }
}

TEST_P(RegionShapeOnDevice, Discs) {
  for (const int n : {3, 40, 150}) {
    compare(testing::labelled_discs(random(), 190, 140, n), std::to_string(n) + " discs");
  }
}

TEST_P(RegionShapeOnDevice, SinglePixels) {
  Plane<std::int32_t> plane(40, 30);
  std::int32_t label = 0;
  for (std::int64_t y = 0; y < 30; y += 2)
    for (std::int64_t x = 0; x < 40; x += 3) plane.at(x, y) = ++label;
  compare(plane, "pixels");
}

TEST_P(RegionShapeOnDevice, EmptyRowsAndHollows) {
  Plane<std::int32_t> plane(90, 40);
  for (std::int64_t x = 0; x < 90; ++x) plane.at(x, 0) = plane.at(89 - x, 39) = 1;
  for (std::int64_t y = 3; y < 36; ++y) plane.at(3, y) = plane.at(86, y) = 2;
  for (std::int64_t x = 10; x < 80; ++x) plane.at(x, 8 + x % 5) = plane.at(x, 30 - x / 9) = 3;
  plane.at(40, 1) = plane.at(2, 37) = 4;
  compare(plane, "hollow");
}

TEST_P(RegionShapeOnDevice, RowsWithGaps) {
  const auto plane = testing::labelled_discs(random(), 120, 90, 30);
  compare(up(plane).window(3, 4, 101, 70), plane.view().window(3, 4, 101, 70), "window");
}

}  // namespace
}  // namespace tilepool
