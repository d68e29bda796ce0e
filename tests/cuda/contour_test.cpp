#include "cuda/kernels/contour.h"

#include "common/kernels/contour.h"
#include "cuda/device_test.h"
#include "cuda/labelled.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class ContourOnDevice : public testing::DeviceTest {
 protected:
  void compare(ImageView<const std::int32_t> there, ImageView<const std::int32_t> here,
               const std::string& what) {
    const testing::Regions regions = testing::regions_of(here);
    std::vector<HalfPixel> expected;
    std::vector<std::int64_t> expected_begins = {0};
    std::vector<HalfPixel> ring;
    for (std::size_t i = 0; i < regions.labels.size(); ++i) {
      const RegionBox& box = regions.boxes[i];
      trace_contour(here, regions.labels[i], box.first_x, box.y_begin, ring);
      expected.insert(expected.end(), ring.begin(), ring.end());
      expected_begins.push_back(static_cast<std::int64_t>(expected.size()));
    }
    const gpu::Regions list{up(regions.labels), up(regions.boxes)};
    const auto begins = up(std::vector<std::int64_t>(regions.labels.size() + 1, 77));
    gpu::Queue exact = queue_of(gpu::count_contours_scratch_bytes(regions.labels.size()));
    gpu::count_contours(exact, there, list, begins);
    exact.wait();
    ASSERT_EQ(down(std::span<const std::int64_t>(begins)), expected_begins) << what;
    const auto points = up(std::vector<HalfPixel>(expected.size()));
    gpu::trace_contours(queue(), there, list, begins, points);
    testing::expect_equal(down(std::span<const HalfPixel>(points)), expected, what);
  }
  void compare(const Plane<std::int32_t>& plane, const std::string& what) {
    const std::size_t mark = scratch().mark();
    compare(up(plane), plane.view(), what);
    scratch().release(mark);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, ContourOnDevice, kOrders);

TEST_P(ContourOnDevice, NoiseOfAllSizes) {
  for (const auto& [width, height] : kSizes) {
    const std::string what = std::to_string(width) + " x " + std::to_string(height);
    compare(noise<std::int32_t>(width, height, 2), "one label, " + what);
    compare(noise<std::int32_t>(width, height, 60), "many labels, " + what);
    compare(Plane<std::int32_t>(width, height, 1), "all one, " + what);
  }
}

TEST_P(ContourOnDevice, DiscsAndWindows) {
  const auto plane = testing::labelled_discs(random(), 190, 140, 90);
  compare(plane, "discs");
  compare(up(plane).window(3, 4, 101, 70), plane.view().window(3, 4, 101, 70), "window");
}

TEST_P(ContourOnDevice, SinglePixels) {
  Plane<std::int32_t> plane(40, 30);
  std::int32_t label = 0;
  for (std::int64_t y = 0; y < 30; y += 2)
    for (std::int64_t x = 0; x < 40; x += 2) plane.at(x, y) = ++label;
  compare(plane, "pixels");
}

}  // namespace
}  // namespace tilepool
