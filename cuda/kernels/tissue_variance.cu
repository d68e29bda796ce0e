#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/tissue_variance.h"

namespace tilepool::gpu {
namespace {

__global__ void above_kernel(ImageView<const std::uint16_t> variance, double threshold,
                             ImageView<std::uint8_t> mask) {
  const std::int64_t i = element();
  if (i >= variance.pixels()) return;
  const std::int64_t y = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(variance.width);
  const std::int64_t x = i - y * variance.width;
  mask.at(x, y) = static_cast<double>(variance.at(x, y)) > threshold ? 1 : 0;
}

}  // namespace

void mask_from_variance(Queue& queue, ImageView<const std::uint16_t> variance, double threshold,
                        ImageView<std::uint8_t> mask) {
  launch_over(queue, "mask_from_variance", above_kernel, variance.pixels(), variance, threshold,
              mask);
}

}  // namespace tilepool::gpu
