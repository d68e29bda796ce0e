#include <algorithm>
#include <limits>

#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/region_box.h"

namespace tilepool::gpu {
namespace {

constexpr std::int32_t kFar = std::numeric_limits<std::int32_t>::max();
constexpr unsigned kMaxBlocks = 2048;  // of kernels over labels, whose number only the device knows

__device__ std::int64_t all_threads() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

/// While pixels are added, y_begin is the number of the first one, y * width + x.
__global__ void begin_kernel(const std::int32_t* count, RegionBox* boxes) {
  for (std::int64_t i = element(); i < *count; i += all_threads()) {
    boxes[i] = {kFar, kFar, 0, 0, 0, 0, 0, 0};
  }
}

/// Adds `length` pixels of row y from column x. Bounds only ever widen: what is inside of those
/// read needs no atomic.
__device__ void add_run(RegionBox& box, std::int32_t x, std::int32_t y, std::int32_t length,
                        std::int32_t pixel) {
  if (*const_cast<volatile std::int32_t*>(&box.x_begin) > x) atomicMin(&box.x_begin, x);
  if (*const_cast<volatile std::int32_t*>(&box.x_end) < x + length) {
    atomicMax(&box.x_end, x + length);
  }
  if (*const_cast<volatile std::int32_t*>(&box.y_begin) > pixel) atomicMin(&box.y_begin, pixel);
  if (*const_cast<volatile std::int32_t*>(&box.y_end) < y + 1) atomicMax(&box.y_end, y + 1);
  atomicAdd(&box.area, length);
  const std::int64_t n = length;
  const std::int64_t sum_x = (2 * std::int64_t{x} + n - 1) * n / 2;
  atomicAdd(reinterpret_cast<unsigned long long*>(&box.sum_x),
            static_cast<unsigned long long>(sum_x));
  atomicAdd(reinterpret_cast<unsigned long long*>(&box.sum_y),
            static_cast<unsigned long long>(y * n));
}

__global__ void add_kernel(ImageView<const std::int32_t> labels, RegionBox* boxes) {
  const std::int64_t i = element();
  // Fewer than 2^31 pixels, so 32 bits do for the division.
  const std::int64_t y = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(labels.width);
  const std::int64_t x = i - y * labels.width;
  const std::int32_t label = i < labels.pixels() ? labels.at(x, y) : 0;
  const unsigned lane = threadIdx.x % 32;
  const std::int32_t before = __shfl_up_sync(0xFFFFFFFFU, label, 1);
  const bool head = lane == 0 || x == 0 || before != label;
  const unsigned heads = __ballot_sync(0xFFFFFFFFU, head ? 1 : 0);
  if (!head || label <= 0) return;
  const unsigned later = lane == 31 ? 0 : heads >> (lane + 1);
  const int length = later == 0 ? static_cast<int>(32 - lane) : __ffs(static_cast<int>(later));
  add_run(boxes[label - 1], static_cast<std::int32_t>(x), static_cast<std::int32_t>(y), length,
          static_cast<std::int32_t>(i));
}

__global__ void end_kernel(std::int64_t width, const std::int32_t* count, RegionBox* boxes) {
  for (std::int64_t i = element(); i < *count; i += all_threads()) {
    RegionBox& box = boxes[i];
    const std::int64_t first = box.area == 0 ? 0 : box.y_begin;
    const std::int64_t y = width == 0 ? 0 : first / width;
    box.y_begin = static_cast<std::int32_t>(y);
    box.first_x = static_cast<std::int32_t>(first - y * width);
  }
}

}  // namespace

void measure_boxes(Queue& queue, ImageView<const std::int32_t> labels, const std::int32_t* count,
                   std::span<RegionBox> boxes) {
  if (boxes.empty()) return;
  const auto capacity = static_cast<std::int64_t>(boxes.size());
  const dim3 grid(std::min(blocks_for(capacity, kThreads), kMaxBlocks));
  launch(queue, "begin boxes", begin_kernel, grid, dim3(kThreads), count, boxes.data());
  launch_over(queue, "measure boxes", add_kernel, labels.pixels(), labels, boxes.data());
  launch(queue, "end boxes", end_kernel, grid, dim3(kThreads), labels.width, count, boxes.data());
}

}  // namespace tilepool::gpu
