#include "cuda/kernels/open_labels.h"

#include "common/kernels/components.h"
#include "common/kernels/open_labels.h"
#include "cuda/device_test.h"
#include "cuda/shapes.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;
using Mask = Plane<std::uint8_t>;
using Labels = Plane<std::int32_t>;

class OpenLabelsOnDevice : public testing::DeviceTest {
 protected:
  void expect_opened(const Labels& before, double radius) {
    const std::size_t mark = scratch().mark();
    const Disk disk = make_disk(radius);
    Labels wanted = before;
    open_labels(wanted.view(), disk, host_scratch());
    gpu::Queue queue = queue_of(gpu::open_labels_scratch_bytes(before.width, before.height));
    const auto labels = up(before);
    gpu::open_labels(queue, labels, disk);
    queue.wait();
    EXPECT_EQ(down(labels), wanted.pixels)
        << before.width << " x " << before.height << ", radius " << radius;
    scratch().release(mark);
  }
  /// Squares of three labels that touch, with blobs cut out.
  Labels patches(std::int64_t width, std::int64_t height, std::int64_t edge) {
    Labels labels(width, height);
    const Mask holes = blobs(width, height, 0.05);
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const bool hole = holes.view().at(x, y) != 0;
        labels.at(x, y) = hole ? 0 : static_cast<std::int32_t>((x / edge + 2 * (y / edge)) % 4);
      }
    }
    return labels;
  }
  Labels labelled_blobs(std::int64_t width, std::int64_t height, double share) {
    Labels labels(width, height);
    label_components(blobs(width, height, share).view(), Connectivity::kEight, host_scratch(),
                     labels.view());
    return labels;
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, OpenLabelsOnDevice, kOrders);

TEST_P(OpenLabelsOnDevice, EqualsTheCpuForSmallDisks) {
  for (const auto& [width, height] : kSizes) {
    const Labels blobs = labelled_blobs(width, height, 0.5);
    for (const double radius : {0.0, 1.0, 1.5, 4.0, 15.99, 16.0}) {
      expect_opened(blobs, radius);
    }
    expect_opened(noise<std::int32_t>(width, height, 3), 1);
    expect_opened(patches(width, height, 11), 2.5);
    expect_opened(patches(width, height, 40), 6);
    expect_opened(Labels(width, height, 5), 16);
  }
}

TEST_P(OpenLabelsOnDevice, EqualsTheCpuForLargeDisks) {
  for (const double radius : {17.0, 40.5, 254.0}) {
    expect_opened(patches(257, 100, 90), radius);
    expect_opened(labelled_blobs(257, 100, 0.3), radius);
    Labels halves(230, 320, 1);
    for (std::int64_t y = 0; y < 320; ++y) {
      for (std::int64_t x = 90 + y / 5; x < 230; ++x) halves.at(x, y) = 2;
    }
    halves.at(20, 20) = 0;
    expect_opened(halves, radius);
  }
}

TEST_P(OpenLabelsOnDevice, MeetsTheEdgesOfItsTiles) {
  for (const std::int64_t x : {32, 511, 543}) {
    for (const std::int64_t y : {31, 32}) {
      Labels labels(580, 50, 3);
      labels.at(x, y) = 4;
      expect_opened(labels, 16);
      expect_opened(labels, 3);
    }
  }
}

TEST_P(OpenLabelsOnDevice, StaysInsideItsWindow) {
  const Labels from = patches(200, 90, 13);
  Labels wanted = from;
  const Disk disk = make_disk(3);
  open_labels(wanted.view().window(5, 3, 131, 80), disk, host_scratch());
  const auto labels = up(from);
  gpu::open_labels(queue(), labels.window(5, 3, 131, 80), disk);
  EXPECT_EQ(down(labels), wanted.pixels);
}

}  // namespace
}  // namespace tilepool
