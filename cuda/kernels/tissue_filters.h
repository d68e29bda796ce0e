#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::median_7x7: bit-equal.
void median_7x7(Queue& queue, ImageView<const std::uint8_t> in, ImageView<std::uint8_t> out);

/// Twin of tilepool::window_mean: bit-equal.
void window_mean(Queue& queue, ImageView<const std::uint8_t> in, std::int64_t radius,
                 ImageView<std::uint8_t> out);
/// Twin of tilepool::window_variance: bit-equal.
void window_variance(Queue& queue, ImageView<const std::uint8_t> in, std::int64_t radius,
                     ImageView<std::uint16_t> out);
[[nodiscard]] std::size_t window_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool::gpu
