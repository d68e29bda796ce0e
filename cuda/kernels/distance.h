#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/distance.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::squared_distance: bit-equal. The time of a pixel grows with its distance.
void squared_distance(Queue& queue, ImageView<const std::uint8_t> mask,
                      ImageView<std::int32_t> out);
[[nodiscard]] std::size_t squared_distance_scratch_bytes(std::int64_t width, std::int64_t height);

/// Twin of tilepool::distance_sixteenths: bit-equal.
void distance_sixteenths(Queue& queue, ImageView<const std::uint8_t> mask,
                         ImageView<std::uint16_t> out);
/// distance_sixteenths into `height`, then raise_by_plane(mask, plane, gain_256, height), in one.
void raised_distance(Queue& queue, ImageView<const std::uint8_t> mask,
                     ImageView<const std::uint16_t> plane, std::int32_t gain_256,
                     ImageView<std::uint16_t> height);
[[nodiscard]] std::size_t distance_sixteenths_scratch_bytes(std::int64_t width,
                                                            std::int64_t height);

}  // namespace tilepool::gpu
