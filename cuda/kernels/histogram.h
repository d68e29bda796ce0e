#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::add_histogram: bit-equal. `bins` lie on the device.
void add_histogram(Queue& queue, ImageView<const std::uint16_t> plane, int shift,
                   std::span<std::uint64_t> bins);

}  // namespace tilepool::gpu
