#pragma once

#include <cstdint>

#include "common/base/image_view.h"

namespace tilepool {

/// height = min(height + ((gain_256 * plane) >> 8), 4095) where mask is 1, else 0: a distance map
/// raised by how strongly the pixel is stained, so that a watershed sees both necks and pale seams.
/// plane 0..4095, gain_256 0..65535; all of one size. In place.
void raise_by_plane(ImageView<const std::uint8_t> mask, ImageView<const std::uint16_t> plane,
                    std::int32_t gain_256, ImageView<std::uint16_t> height);

}  // namespace tilepool
