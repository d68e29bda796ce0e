#include "cuda/kernels/height_map.h"
#include "cuda/kernels/launch.cuh"

namespace tilepool::gpu {
namespace {

__global__ void raise_kernel(ImageView<const std::uint8_t> mask,
                             ImageView<const std::uint16_t> plane, std::int32_t gain_256,
                             ImageView<std::uint16_t> height) {
  const std::int64_t i = element();
  if (i >= mask.pixels()) return;
  const std::int64_t y = i / mask.width;
  const std::int64_t x = i - y * mask.width;
  const std::int32_t raised = min(height.at(x, y) + ((gain_256 * plane.at(x, y)) >> 8), 4095);
  height.at(x, y) = static_cast<std::uint16_t>(mask.at(x, y) == 0 ? 0 : raised);
}

}  // namespace

void raise_by_plane(Queue& queue, ImageView<const std::uint8_t> mask,
                    ImageView<const std::uint16_t> plane, std::int32_t gain_256,
                    ImageView<std::uint16_t> height) {
  launch_over(queue, "raise_by_plane", raise_kernel, mask.pixels(), mask, plane, gain_256, height);
}

}  // namespace tilepool::gpu
