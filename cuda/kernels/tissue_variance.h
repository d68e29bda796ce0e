#pragma once

#include <cstdint>

#include "common/base/image_view.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::mask_from_variance: bit-equal. The threshold of a cohort is the CPU's
/// business.
void mask_from_variance(Queue& queue, ImageView<const std::uint16_t> variance, double threshold,
                        ImageView<std::uint8_t> mask);

}  // namespace tilepool::gpu
