#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::fill_holes: bit-equal.
void fill_holes(Queue& queue, ImageView<std::uint8_t> mask, std::int64_t max_area_px);
[[nodiscard]] std::size_t fill_holes_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool::gpu
