#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/local_threshold.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::above_local_threshold: bit-equal.
void above_local_threshold(Queue& queue, ImageView<const std::uint16_t> plane,
                           ImageView<const std::uint8_t> counted, const LocalThreshold& threshold,
                           ImageView<std::uint8_t> out);
[[nodiscard]] std::size_t above_local_threshold_scratch_bytes(std::int64_t width,
                                                              std::int64_t height,
                                                              std::int64_t radius_px);

}  // namespace tilepool::gpu
