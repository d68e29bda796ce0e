#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"
#include "cuda/device.h"
#include "cuda/queue.h"

#ifdef TILEPOOL_CUDA_EMULATION
#include "cuda_runtime.h"
#endif

namespace tilepool::testing {

/// A plane of pixels of the test's own.
template <class T>
struct Plane {
  std::int64_t width = 0, height = 0;
  std::vector<T> pixels;
  Plane(std::int64_t w, std::int64_t h, T value = {})
      : width(w), height(h), pixels(static_cast<std::size_t>(w * h), value) {}
  [[nodiscard]] ImageView<T> view() { return {pixels.data(), width, height, width}; }
  [[nodiscard]] ImageView<const T> view() const { return {pixels.data(), width, height, width}; }
  [[nodiscard]] T& at(std::int64_t x, std::int64_t y) {
    return pixels[static_cast<std::size_t>(y * width + x)];
  }
};

/// Sizes that meet every edge of a kernel: nothing, one pixel, below and above a warp, a block and
/// a tile of shared memory, rows that are no multiple of 16 bytes.
inline const std::vector<std::pair<std::int64_t, std::int64_t>> kSizes = {
    {0, 0}, {0, 5}, {1, 1}, {1, 70}, {33, 1}, {31, 33}, {64, 64}, {97, 61}, {130, 47}, {257, 100}};

/// Tests of kernels: each runs on a real GPU, or on the emulated one in three orders of its threads
/// (parameter). Where there is no GPU the real ones report skipped.
class DeviceTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
#ifdef TILEPOOL_CUDA_EMULATION
    cuda_emulation::set_device(std::size_t{1} << 30);
    cuda_emulation::set_order(static_cast<cuda_emulation::Order>(GetParam()));
#else
    if (list_gpus().empty()) GTEST_SKIP() << "there is no GPU";
#endif
    memory_ = std::make_unique<gpu::DeviceMemory>(0, std::size_t{1} << 29);
    queue_ = std::make_unique<gpu::Queue>(*memory_, std::size_t{1} << 25);
  }
  void TearDown() override {
    queue_.reset();
    memory_.reset();
#ifdef TILEPOOL_CUDA_EMULATION
    EXPECT_EQ(cuda_emulation::allocated_bytes(), 0U);
#endif
  }

  [[nodiscard]] gpu::Queue& queue() { return *queue_; }
  [[nodiscard]] Arena& scratch() { return queue_->scratch(); }

  /// A copy on the device, until the test ends.
  template <class T>
  [[nodiscard]] std::span<T> up(const std::vector<T>& values) {
    const std::span<T> there = scratch().take<T>(values.size());
    queue().upload(std::span<const T>(values), there);
    queue().wait();
    return there;
  }
  template <class T>
  [[nodiscard]] ImageView<T> up(const Plane<T>& plane) {
    return {up(plane.pixels).data(), plane.width, plane.height, plane.width};
  }
  template <class T>
  [[nodiscard]] std::vector<T> down(std::span<const T> there) {
    std::vector<T> values(there.size());
    queue().download(there, std::span<T>(values));
    queue().wait();
    return values;
  }
  /// Of a plane without gaps between its rows.
  template <class T>
  [[nodiscard]] std::vector<std::remove_const_t<T>> down(ImageView<T> there) {
    using Value = std::remove_const_t<T>;
    return down(std::span<const Value>(there.data, static_cast<std::size_t>(there.pixels())));
  }

  /// Scratch of the CPU's kernels.
  [[nodiscard]] Arena& host_scratch() { return host_scratch_; }
  /// One with exactly this much scratch: a kernel must get by with what its formula says.
  [[nodiscard]] gpu::Queue queue_of(std::size_t scratch_bytes) {
    return gpu::Queue(*memory_, scratch_bytes);
  }

  template <class T>
  [[nodiscard]] Plane<T> noise(std::int64_t width, std::int64_t height, int below) {
    Plane<T> plane(width, height);
    std::uniform_int_distribution<int> pick(0, below - 1);
    for (T& value : plane.pixels) value = static_cast<T>(pick(random_));
    return plane;
  }
  /// Blobs of ones: discs at random, `share` of the area or somewhat more.
  [[nodiscard]] Plane<std::uint8_t> blobs(std::int64_t width, std::int64_t height, double share) {
    Plane<std::uint8_t> plane(width, height, 0);
    std::uniform_real_distribution<double> pick(0, 1);
    const double wanted = share * static_cast<double>(width * height);
    for (double area = 0; area < wanted;) {
      const double r = 1 + 9 * pick(random_);
      const double cx = pick(random_) * static_cast<double>(width);
      const double cy = pick(random_) * static_cast<double>(height);
      area += 3.14 * r * r;
      for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
          const double dx = static_cast<double>(x) - cx;
          const double dy = static_cast<double>(y) - cy;
          if (dx * dx + dy * dy <= r * r) plane.at(x, y) = 1;
        }
    }
    return plane;
  }
  [[nodiscard]] std::mt19937& random() { return random_; }

 private:
  std::unique_ptr<gpu::DeviceMemory> memory_;
  std::unique_ptr<gpu::Queue> queue_;
  Budget host_budget_{std::size_t{1} << 30};
  Arena host_scratch_{host_budget_, std::size_t{1} << 28, "a test"};
  std::mt19937 random_{20261121};
};

#ifdef TILEPOOL_CUDA_EMULATION
inline const auto kOrders = ::testing::Values(0, 1, 2);
#else
inline const auto kOrders = ::testing::Values(0);
#endif

}  // namespace tilepool::testing
