#include "cuda/kernels/normalise_stain.h"

#include "common/kernels/normalise_stain.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;

class NormaliseOnDevice : public testing::DeviceTest {
 protected:
  static std::vector<std::unique_ptr<const StainMap>> maps() {
    const MacenkoProfile pale{{{{0.65, 0.70, 0.29}, {0.07, 0.99, 0.11}}}, {0.4, 0.3}};
    const MacenkoProfile dark{{{{0.5626, 0.7201, 0.4062}, {0.2159, 0.8012, 0.5581}}},
                              {1.9705, 1.0308}};
    const ReinhardProfile grey{{-1.2, 0.02, -0.01}, {0.2, 0.02, 0.01}};
    const ReinhardProfile bright{{-0.86, -0.12, 0.04}, {0.61, 0.11, 0.03}};
    std::vector<std::unique_ptr<const StainMap>> maps;
    maps.push_back(make_stain_map(pale, dark));
    maps.push_back(make_stain_map(dark, pale));
    maps.push_back(make_stain_map(grey, bright));
    return maps;
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, NormaliseOnDevice, kOrders);

TEST_P(NormaliseOnDevice, EqualsTheCpuAndKeepsWhatIsAround) {
  for (const auto& map : maps()) {
    for (const auto& [w, h] : kSizes) {
      for (const std::int64_t gap : {0, 5, 24}) {
        const std::int64_t stride = 3 * w + gap;
        std::vector<std::uint8_t> bytes = noise<std::uint8_t>(stride, h, 256).pixels;
        const std::span<std::uint8_t> there = up(bytes);
        gpu::normalise_stain(queue(), {there.data(), w, h, stride}, *map);
        normalise_stain({bytes.data(), w, h, stride}, *map);
        EXPECT_EQ(down(std::span<const std::uint8_t>(there)), bytes)
            << w << " x " << h << ", gap " << gap;
        scratch().reset();
      }
    }
  }
}

TEST_P(NormaliseOnDevice, GetsByWithItsScratch) {
  for (const auto& map : maps()) {
    std::vector<std::uint8_t> bytes = noise<std::uint8_t>(300, 40, 256).pixels;
    const std::span<std::uint8_t> there = up(bytes);
    gpu::Queue small = queue_of(gpu::normalise_stain_scratch_bytes());
    gpu::normalise_stain(small, {there.data(), 100, 40, 300}, *map);
    small.wait();
    normalise_stain({bytes.data(), 100, 40, 300}, *map);
    EXPECT_EQ(down(std::span<const std::uint8_t>(there)), bytes);
  }
}

}  // namespace
}  // namespace tilepool
