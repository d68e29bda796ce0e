#include "cuda/kernels/components.h"

#include "common/kernels/components.h"
#include "cuda/device_test.h"
#include "cuda/shapes.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;
using Mask = Plane<std::uint8_t>;
using Labels = Plane<std::int32_t>;

constexpr Connectivity kBoth[] = {Connectivity::kFour, Connectivity::kEight};

class ComponentsOnDevice : public testing::DeviceTest {
 protected:
  void expect_labels(const Mask& mask, const char* what) {
    for (const Connectivity connectivity : kBoth) {
      const std::size_t mark = scratch().mark();
      Labels wanted(mask.width, mask.height);
      const std::int32_t count =
          label_components(mask.view(), connectivity, host_scratch(), wanted.view());
      gpu::Queue queue = queue_of(gpu::label_components_scratch_bytes(mask.width, mask.height));
      const auto labels = up(Labels(mask.width, mask.height, -5));
      const auto counted = up(std::vector<std::int32_t>{-5});
      gpu::label_components(queue, up(mask), connectivity, labels, counted.data());
      queue.wait();
      EXPECT_EQ(down(std::span<const std::int32_t>(counted))[0], count) << what;
      EXPECT_EQ(down(labels), wanted.pixels) << what << ' ' << mask.width << " x " << mask.height;
      scratch().release(mark);
    }
  }
  void expect_relabelled(const Labels& before, const char* what) {
    for (const Connectivity connectivity : kBoth) {
      const std::size_t mark = scratch().mark();
      Labels wanted = before;
      const std::int32_t count = relabel_components(wanted.view(), connectivity, host_scratch());
      gpu::Queue queue =
          queue_of(gpu::relabel_components_scratch_bytes(before.width, before.height));
      const auto labels = up(before);
      const auto counted = up(std::vector<std::int32_t>{-5});
      gpu::relabel_components(queue, labels, connectivity, counted.data());
      queue.wait();
      EXPECT_EQ(down(std::span<const std::int32_t>(counted))[0], count) << what;
      EXPECT_EQ(down(labels), wanted.pixels)
          << what << ' ' << before.width << " x " << before.height;
      scratch().release(mark);
    }
  }
  /// As labels of one piece, which must come out as the mask does.
  static Labels labels_of(const Mask& mask, std::int32_t label) {
    Labels labels(mask.width, mask.height);
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
      labels.pixels[i] = mask.pixels[i] != 0 ? label : 0;
    }
    return labels;
  }
  void expect_both(const Mask& mask, const char* what) {
    expect_labels(mask, what);
    expect_relabelled(labels_of(mask, 77), what);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, ComponentsOnDevice, kOrders);

TEST_P(ComponentsOnDevice, EqualTheCpu) {
  for (const auto& [width, height] : kSizes) {
    expect_both(noise<std::uint8_t>(width, height, 2), "noise");
    expect_both(blobs(width, height, 0.4), "blobs");
    expect_labels(Mask(width, height, 0), "zeros");
    expect_labels(Mask(width, height, 1), "ones");
    for (const int values : {3, 5}) {
      expect_relabelled(noise<std::int32_t>(width, height, values), "noise of labels");
    }
  }
}

TEST_P(ComponentsOnDevice, FollowShapesThatWindThroughAllTiles) {
  for (const bool upright : {false, true}) {
    expect_labels(testing::snake(300, 200, upright), "snake");
    expect_labels(testing::opposite(testing::snake(300, 200, upright)), "between a snake");
    expect_both(testing::snake(129, 67, upright), "snake");
    expect_both(testing::comb(129, 67, upright), "comb");
    for (const int step : {2, 33}) {
      expect_both(testing::diagonals(140, 66, step, upright), "diagonals");
    }
  }
  expect_labels(testing::spiral(300, 200), "spiral");
  expect_labels(testing::opposite(testing::spiral(300, 200)), "between a spiral");
  expect_labels(testing::checkerboard(300, 200), "checkerboard");
}

TEST_P(ComponentsOnDevice, NeverJoinTwoLabels) {
  Labels each(140, 70);
  for (std::size_t i = 0; i < each.pixels.size(); ++i) {
    each.pixels[i] = static_cast<std::int32_t>(i) - 50;
  }
  expect_relabelled(each, "every pixel another label, some below 0");
  Labels squares(280, 150);
  for (std::int64_t y = 0; y < 150; ++y) {
    for (std::int64_t x = 0; x < 280; ++x) {
      squares.at(x, y) = static_cast<std::int32_t>(x / 13 + y / 7) % 3 + 1;
    }
  }
  expect_relabelled(squares, "touching squares");
  Labels wound = labels_of(testing::spiral(280, 150), 4);
  for (std::int32_t& label : wound.pixels) label = label == 0 ? 9 : label;
  expect_relabelled(wound, "two spirals");
}

TEST_P(ComponentsOnDevice, EqualTheCpuOnDenseNoise) {
  for (int i = 0; i < 3; ++i) {
    Mask dense = noise<std::uint8_t>(200, 100, 5);
    for (std::uint8_t& value : dense.pixels) value = value > static_cast<std::uint8_t>(i) ? 1 : 0;
    expect_both(dense, "noise near the percolation threshold");
  }
}

TEST_P(ComponentsOnDevice, TakeWindowsOfLargerImages) {
  const Mask from = blobs(300, 90, 0.5);
  Labels wanted(340, 100, 3);
  Arena& arena = host_scratch();
  label_components(from.view().window(3, 2, 291, 80), Connectivity::kEight, arena,
                   wanted.view().window(7, 5, 291, 80));
  const auto labels = up(Labels(340, 100, 3));
  const auto counted = up(std::vector<std::int32_t>(2));
  gpu::label_components(queue(), up(from).window(3, 2, 291, 80), Connectivity::kEight,
                        labels.window(7, 5, 291, 80), counted.data());
  EXPECT_EQ(down(labels), wanted.pixels);
  const std::int32_t count =
      relabel_components(wanted.view().window(20, 0, 301, 97), Connectivity::kFour, arena);
  gpu::relabel_components(queue(), labels.window(20, 0, 301, 97), Connectivity::kFour,
                          counted.data() + 1);
  EXPECT_EQ(down(labels), wanted.pixels);
  EXPECT_EQ(down(std::span<const std::int32_t>(counted))[1], count);
}

}  // namespace
}  // namespace tilepool
