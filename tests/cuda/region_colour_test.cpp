#include "cuda/kernels/region_colour.h"

#include "common/kernels/region_colour.h"
#include "cuda/device_test.h"
#include "cuda/labelled.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

/// Width in bytes: 3 a pixel, and what a row has more.
ConstRgbView rgb_of(const ImageView<const std::uint8_t>& bytes, std::int64_t width) {
  return {bytes.data, width, bytes.height, bytes.stride};
}
ConstRgbView rgb_of(const ImageView<std::uint8_t>& bytes, std::int64_t width) {
  return {bytes.data, width, bytes.height, bytes.stride};
}

class RegionColourOnDevice : public testing::DeviceTest {
 protected:
  void compare(ConstRgbView rgb_there, ImageView<const std::int32_t> there, ConstRgbView rgb,
               ImageView<const std::int32_t> labels, const std::string& what) {
    const UnmixTable first =
        make_unmix_table(unmixing_weights(kRuifrokHaematoxylin, kRuifrokEosin), 0.9);
    const UnmixTable second =
        make_unmix_table(unmixing_weights(kRuifrokEosin, kRuifrokHaematoxylin), 1.4);
    const auto tables = up(std::vector<UnmixTable>{first, second});
    const testing::Regions regions = testing::regions_of(labels);
    for (const int dark : {20000, 65536}) {
      std::vector<ColourSums<kAllChannels>> expected;
      for (std::size_t i = 0; i < regions.labels.size(); ++i) {
        expected.push_back(
            measure_colour(rgb, labels, regions.labels[i], regions.boxes[i], first, second, dark));
      }
      const auto sums = up(std::vector<ColourSums<kAllChannels>>(expected.size()));
      gpu::measure_colour(queue(), rgb_there, there, {up(regions.labels), up(regions.boxes)},
                          tables.data(), tables.data() + 1, dark, sums);
      testing::expect_equal(down(std::span<const ColourSums<kAllChannels>>(sums)), expected, what);
    }
  }
  void compare_whole(ConstRgbView there, ConstRgbView rgb, const std::string& what) {
    const auto sums = up(std::vector<ColourSums<kPlainChannels>>(1));
    gpu::measure_colour(queue(), there, sums.data());
    testing::expect_equal(down(std::span<const ColourSums<kPlainChannels>>(sums)),
                          {measure_colour(rgb)}, what);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, RegionColourOnDevice, kOrders);

TEST_P(RegionColourOnDevice, EqualsTheCpu) {
  for (const auto& [width, height] : kSizes) {
    const std::size_t mark = scratch().mark();
    const std::string what = std::to_string(width) + " x " + std::to_string(height);
    const auto rgb = noise<std::uint8_t>(3 * width, height, 256);
    const auto rgb_there = up(rgb);
    for (const int values : {2, 6}) {
      const auto labels = noise<std::int32_t>(width, height, values);
      compare(rgb_of(rgb_there, width), up(labels), rgb_of(rgb.view(), width), labels.view(), what);
    }
    compare_whole(rgb_of(rgb_there, width), rgb_of(rgb.view(), width), what);
    scratch().release(mark);
  }
}

TEST_P(RegionColourOnDevice, Discs) {
  const auto rgb = noise<std::uint8_t>(3 * 150, 110, 256);
  const auto labels = testing::labelled_discs(random(), 150, 110, 60);
  compare(rgb_of(up(rgb), 150), up(labels), rgb_of(rgb.view(), 150), labels.view(), "discs");
}

TEST_P(RegionColourOnDevice, FewColours) {
  // Greys and pure colours, where hue and saturation have their special cases.
  auto rgb = noise<std::uint8_t>(3 * 100, 60, 3);
  for (auto& value : rgb.pixels) value = static_cast<std::uint8_t>(value * 127);
  compare_whole(rgb_of(up(rgb), 100), rgb_of(rgb.view(), 100), "few colours");
}

TEST_P(RegionColourOnDevice, RowsWithGaps) {
  const auto rgb = noise<std::uint8_t>(3 * 120 + 5, 90, 256);
  const auto labels = testing::labelled_discs(random(), 120, 90, 30);
  const auto there = up(rgb);
  const auto window = [](const auto& view) { return view.window(3, 4, 101, 70); };
  compare(window(rgb_of(there, 120)), window(up(labels)), window(rgb_of(rgb.view(), 120)),
          window(labels.view()), "window");
  compare_whole(window(rgb_of(there, 120)), window(rgb_of(rgb.view(), 120)), "window");
  // Rows that begin at a multiple of 8 bytes, but are shorter than their stride.
  const auto wide = noise<std::uint8_t>(3 * 64, 40, 256);
  compare_whole(rgb_of(up(wide), 53), rgb_of(wide.view(), 53), "short rows");
}

}  // namespace
}  // namespace tilepool
