#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::box_average: bit-equal.
void box_average(Queue& queue, ConstRgbView in, std::int64_t k, RgbView out);

/// Twin of tilepool::grey_plane: bit-equal.
void grey_plane(Queue& queue, ConstRgbView rgb, ImageView<std::uint8_t> out);

/// Twin of tilepool::brightest_plane: bit-equal.
void brightest_plane(Queue& queue, ConstRgbView rgb, ImageView<std::uint8_t> out);

/// Twin of tilepool::saturation_plane: bit-equal.
void saturation_plane(Queue& queue, ConstRgbView rgb, ImageView<std::uint8_t> out);

/// Twin of tilepool::histogram: bit-equal. `bins` are 256 and lie on the device.
void histogram(Queue& queue, ImageView<const std::uint8_t> plane, std::span<std::uint64_t> bins);

}  // namespace tilepool::gpu
