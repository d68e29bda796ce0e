#include "common/kernels/contour_walk.h"
#include "cuda/kernels/contour.h"
#include "cuda/kernels/scan.cuh"

namespace tilepool::gpu {
namespace {

// A thread walks around a region. Walks wait for memory nearly all the time: small blocks spread
// them over the device.
constexpr unsigned kWalkThreads = 32;

__device__ std::int64_t entry() {
  return static_cast<std::int64_t>(blockIdx.x) * kWalkThreads + threadIdx.x;
}

/// sizes[i] = the points of entry i, and 0 after the last one.
__global__ void count_kernel(ImageView<const std::int32_t> labels, const std::int32_t* wanted,
                             const RegionBox* boxes, std::int64_t count, std::int64_t* sizes) {
  const std::int64_t i = entry();
  if (i > count) return;
  std::int64_t size = 0;
  if (i < count) {
    walk_contour(labels, wanted[i], boxes[i].first_x, boxes[i].y_begin,
                 [&](const HalfPixel&) { ++size; });
  }
  sizes[i] = size;
}

__global__ void trace_kernel(ImageView<const std::int32_t> labels, const std::int32_t* wanted,
                             const RegionBox* boxes, std::int64_t count, const std::int64_t* begins,
                             HalfPixel* points) {
  const std::int64_t i = entry();
  if (i >= count) return;
  HalfPixel* to = points + begins[i];
  walk_contour(labels, wanted[i], boxes[i].first_x, boxes[i].y_begin,
               [&](const HalfPixel& point) { *to++ = point; });
}

}  // namespace

std::size_t count_contours_scratch_bytes(std::size_t regions) {
  return exclusive_sum_scratch_bytes<std::int64_t>(static_cast<std::int64_t>(regions) + 1);
}

void count_contours(Queue& queue, ImageView<const std::int32_t> labels, const Regions& regions,
                    std::span<std::int64_t> begins) {
  const auto count = static_cast<std::int64_t>(regions.labels.size());
  launch(queue, "count contours", count_kernel, dim3(blocks_for(count + 1, kWalkThreads)),
         dim3(kWalkThreads), labels, regions.labels.data(), regions.boxes.data(), count,
         begins.data());
  exclusive_sum(queue, begins.data(), count + 1);
}

void trace_contours(Queue& queue, ImageView<const std::int32_t> labels, const Regions& regions,
                    std::span<const std::int64_t> begins, std::span<HalfPixel> points) {
  const auto count = static_cast<std::int64_t>(regions.labels.size());
  if (count == 0) return;
  launch(queue, "trace contours", trace_kernel, dim3(blocks_for(count, kWalkThreads)),
         dim3(kWalkThreads), labels, regions.labels.data(), regions.boxes.data(), count,
         begins.data(), points.data());
}

}  // namespace tilepool::gpu
