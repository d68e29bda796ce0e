#pragma once

#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/stain.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::unmix: bit-equal.
void unmix(Queue& queue, ConstRgbView rgb, const UnmixTable& table, ImageView<std::uint16_t> out);

/// Twin of tilepool::brightest_channel: bit-equal.
void brightest_channel(Queue& queue, ConstRgbView rgb, ImageView<std::uint16_t> out);

/// Twin of tilepool::stained_mask: bit-equal.
void stained_mask(Queue& queue, ConstRgbView rgb, int limit, ImageView<std::uint8_t> out);

/// unmix and stained_mask in one pass over the pixels; what lies outside `inside` is not counted.
void unmix_inside(Queue& queue, ConstRgbView rgb, const UnmixTable& table, int limit,
                  const Rect& inside, ImageView<std::uint16_t> plane,
                  ImageView<std::uint8_t> counted);

/// brightest_channel, and counted = 1 inside `inside`, else 0.
void brightest_inside(Queue& queue, ConstRgbView rgb, const Rect& inside,
                      ImageView<std::uint16_t> plane, ImageView<std::uint8_t> counted);

}  // namespace tilepool::gpu
