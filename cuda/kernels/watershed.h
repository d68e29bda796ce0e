#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/watershed.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::split_by_dynamics: bit-equal. How many basins there are is written to *count,
/// which lies on the device.
void split_by_dynamics(Queue& queue, ImageView<const std::uint8_t> mask,
                       ImageView<const std::uint16_t> height, const MergeRule& rule,
                       ImageView<std::int32_t> labels, std::int32_t* count);
[[nodiscard]] std::size_t split_by_dynamics_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool::gpu
