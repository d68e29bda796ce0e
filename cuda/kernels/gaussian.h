#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/gaussian.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::smooth: bit-equal. Radii up to 16 px are one pass over the memory; `out` may
/// be `in` at the price of a copy more.
void smooth(Queue& queue, ImageView<const std::uint16_t> in, const SmoothingKernel& kernel,
            ImageView<std::uint16_t> out);
[[nodiscard]] std::size_t smooth_scratch_bytes(std::int64_t width, std::int64_t height,
                                               std::int64_t radius);

}  // namespace tilepool::gpu
