#include "cuda/kernels/distance.h"

#include "common/kernels/distance.h"
#include "common/kernels/height_map.h"
#include "cuda/device_test.h"

namespace tilepool {
namespace {

using testing::kOrders;
using testing::kSizes;
using testing::Plane;

class DistanceOnDevice : public testing::DeviceTest {
 protected:
  void expect_equal(const Plane<std::uint8_t>& mask, const char* what) {
    const std::int64_t w = mask.width;
    const std::int64_t h = mask.height;
    Plane<std::int32_t> squared(w, h);
    Plane<std::uint16_t> sixteenths(w, h);
    tilepool::squared_distance(mask.view(), host_scratch(), squared.view());
    tilepool::distance_sixteenths(mask.view(), host_scratch(), sixteenths.view());
    const std::size_t mark = scratch().mark();
    const auto mask_there = up(mask);
    const auto squared_there = up(Plane<std::int32_t>(w, h, 77));
    const auto sixteenths_there = up(Plane<std::uint16_t>(w, h, 77));
    gpu::Queue tight = queue_of(gpu::squared_distance_scratch_bytes(w, h));
    gpu::squared_distance(tight, mask_there, squared_there);
    tight.wait();
    EXPECT_EQ(down(squared_there), squared.pixels) << what << ", " << w << " x " << h;
    gpu::Queue tight2 = queue_of(gpu::distance_sixteenths_scratch_bytes(w, h));
    gpu::distance_sixteenths(tight2, mask_there, sixteenths_there);
    tight2.wait();
    EXPECT_EQ(down(sixteenths_there), sixteenths.pixels) << what << ", " << w << " x " << h;

    const auto plane = noise<std::uint16_t>(w, h, 4096);
    gpu::raised_distance(tight2, mask_there, up(plane), 500, sixteenths_there);
    tight2.wait();
    raise_by_plane(mask.view(), plane.view(), 500, sixteenths.view());
    EXPECT_EQ(down(sixteenths_there), sixteenths.pixels) << what << ", " << w << " x " << h;
    scratch().release(mark);
  }
  /// All foreground but for these.
  Plane<std::uint8_t> zeros_at(std::int64_t w, std::int64_t h,
                               const std::vector<std::pair<std::int64_t, std::int64_t>>& at) {
    Plane<std::uint8_t> mask(w, h, 1);
    for (const auto& [x, y] : at) mask.at(x, y) = 0;
    return mask;
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, DistanceOnDevice, kOrders);

TEST_P(DistanceOnDevice, EqualsTheCpu) {
  for (const auto& [w, h] : kSizes) {
    expect_equal(noise<std::uint8_t>(w, h, 2), "noise");
    expect_equal(noise<std::uint8_t>(w, h, 100), "few zeros");
    expect_equal(blobs(w, h, 0.5), "blobs");
    expect_equal(Plane<std::uint8_t>(w, h, 0), "nothing");
    expect_equal(Plane<std::uint8_t>(w, h, 255), "all");
  }
}

TEST_P(DistanceOnDevice, OneZero) {
  for (const auto& [x, y] : {std::pair{0, 0}, {299, 0}, {0, 289}, {299, 289}, {150, 31}, {70, 96}})
    expect_equal(zeros_at(300, 290, {{x, y}}), "one zero");
}

TEST_P(DistanceOnDevice, LongDistances) {
  // Below and above 256, from where sixteenths are at their limit.
  expect_equal(zeros_at(600, 3, {{0, 0}}), "a row");
  expect_equal(zeros_at(3, 600, {{0, 0}}), "a column");
  expect_equal(zeros_at(3, 700, {{1, 350}}), "a column");
  expect_equal(zeros_at(600, 40, {{0, 39}, {599, 0}}), "two corners");
  // Beyond kFarSquared.
  expect_equal(zeros_at(1, 33000, {{0, 0}}), "a long column");
  expect_equal(zeros_at(1, 66000, {{0, 40000}}), "a longer column");
  expect_equal(zeros_at(33000, 1, {{0, 0}}), "a long row");
}

TEST_P(DistanceOnDevice, EveryRootBelowTheLimit) {
  Plane<std::uint8_t> mask(256, 256, 1);  // x^2 + y^2 of all x, y
  mask.at(0, 0) = 0;
  expect_equal(mask, "a quarter of a disk");
}

TEST_P(DistanceOnDevice, PartsOfAPlane) {
  const auto mask = blobs(150, 90, 0.4);
  auto around = noise<std::uint16_t>(150, 90, 4096);
  const ImageView<const std::uint8_t> mask_there = up(mask);
  const auto there = up(around);
  gpu::distance_sixteenths(queue(), mask_there.window(3, 5, 101, 70), there.window(7, 9, 101, 70));
  distance_sixteenths(mask.view().window(3, 5, 101, 70), host_scratch(),
                      around.view().window(7, 9, 101, 70));
  EXPECT_EQ(down(there), around.pixels);
}

}  // namespace
}  // namespace tilepool
