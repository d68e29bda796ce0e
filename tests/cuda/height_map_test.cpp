#include "cuda/kernels/height_map.h"

#include "common/kernels/height_map.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class HeightMapOnDevice : public testing::DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Orders, HeightMapOnDevice, kOrders);

TEST_P(HeightMapOnDevice, EqualsTheCpu) {
  for (const auto& [width, height] : kSizes) {
    const auto mask = noise<std::uint8_t>(width, height, 2);
    const auto plane = noise<std::uint16_t>(width, height, 4096);
    auto raised = noise<std::uint16_t>(width, height, 4096);
    for (const std::int32_t gain : {0, 100, 65535}) {
      const ImageView<std::uint16_t> there = up(raised);
      gpu::raise_by_plane(queue(), up(mask), up(plane), gain, there);
      raise_by_plane(mask.view(), plane.view(), gain, raised.view());
      EXPECT_EQ(down(there), raised.pixels) << width << " x " << height << ", gain " << gain;
    }
  }
}

}  // namespace
}  // namespace tilepool
