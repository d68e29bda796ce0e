#include "cuda/kernels/grow.h"

#include "common/kernels/components.h"
#include "common/kernels/grow.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;
using Labels = Plane<std::int32_t>;

class GrowOnDevice : public testing::DeviceTest {
 protected:
  void expect_grown(const Labels& before, double radius) {
    const std::size_t mark = scratch().mark();
    const Disk disk = make_disk(radius);
    Labels wanted = before;
    grow_labels(wanted.view(), disk, host_scratch());
    gpu::Queue queue = queue_of(gpu::grow_labels_scratch_bytes(before.width, before.height));
    const auto labels = up(before);
    gpu::grow_labels(queue, labels, disk);
    queue.wait();
    EXPECT_EQ(down(labels), wanted.pixels)
        << before.width << " x " << before.height << ", radius " << radius;
    scratch().release(mark);
  }
  Labels labelled_blobs(std::int64_t width, std::int64_t height, double share) {
    Labels labels(width, height);
    label_components(blobs(width, height, share).view(), Connectivity::kEight, host_scratch(),
                     labels.view());
    return labels;
  }
  /// Pixels at random, each of another label; many are equally far from what lies between.
  Labels dots(std::int64_t width, std::int64_t height, int count) {
    Labels labels(width, height);
    for (int i = 0; i < count && !labels.pixels.empty(); ++i) {
      labels.pixels[random()() % labels.pixels.size()] = static_cast<std::int32_t>(random()() >> 1);
    }
    return labels;
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, GrowOnDevice, kOrders);

TEST_P(GrowOnDevice, EqualsTheCpuForSmallDisks) {
  for (const auto& [width, height] : kSizes) {
    const Labels blobs = labelled_blobs(width, height, 0.2);
    for (const double radius : {0.0, 1.0, 1.5, 2.9, 4.0, 7.3, 15.99, 16.0}) {
      expect_grown(blobs, radius);
      expect_grown(dots(width, height, 1 + static_cast<int>(width * height / 90)), radius);
    }
    expect_grown(noise<std::int32_t>(width, height, 2), 3);
    expect_grown(Labels(width, height, 0), 5);
    expect_grown(Labels(width, height, 8), 16);
  }
}

TEST_P(GrowOnDevice, EqualsTheCpuForLargeDisks) {
  for (const double radius : {17.0, 32.0, 65.5, 254.0}) {
    expect_grown(dots(257, 30, 8), radius);
    expect_grown(dots(20, 300, 3), radius);
    expect_grown(dots(600, 9, 2), radius);
  }
}

TEST_P(GrowOnDevice, TakesTheSmallestOfEquallyNearLabels) {
  for (const std::int32_t first : {3, 9}) {
    Labels labels(120, 60);
    for (std::int64_t y = 0; y < 60; y += 10) {
      for (std::int64_t x = 0; x < 120; x += 10) {
        labels.at(x, y) = first + static_cast<std::int32_t>(x * 7 + y * 11) % 5;
      }
    }
    for (const double radius : {4.0, 5.0, 7.08, 10.0, 20.0}) expect_grown(labels, radius);
  }
}

TEST_P(GrowOnDevice, MeetsTheEdgesOfItsTiles) {
  for (const std::int64_t x : {31, 32, 511, 512, 543, 544}) {
    for (const std::int64_t y : {31, 32}) {
      Labels labels(620, 70, 0);
      labels.at(x, y) = 4;
      labels.at(x + 9, y - 20) = 3;
      expect_grown(labels, 16);
    }
  }
}

TEST_P(GrowOnDevice, StaysInsideItsWindow) {
  const Labels from = labelled_blobs(200, 90, 0.2);
  Labels wanted = from;
  const Disk disk = make_disk(3);
  grow_labels(wanted.view().window(5, 3, 131, 80), disk, host_scratch());
  const auto labels = up(from);
  gpu::grow_labels(queue(), labels.window(5, 3, 131, 80), disk);
  EXPECT_EQ(down(labels), wanted.pixels);
}

}  // namespace
}  // namespace tilepool
