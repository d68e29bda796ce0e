#pragma once

#include <cstdint>

#include "common/base/image_view.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::raise_by_plane: bit-equal.
void raise_by_plane(Queue& queue, ImageView<const std::uint8_t> mask,
                    ImageView<const std::uint16_t> plane, std::int32_t gain_256,
                    ImageView<std::uint16_t> height);

}  // namespace tilepool::gpu
