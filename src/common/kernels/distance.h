#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Squared distance of a pixel from which no zero can be seen: the mask has none.
inline constexpr std::int32_t kFarSquared = 1 << 30;

/// Exact squared Euclidean distance to the nearest pixel of `mask` that is 0; 0 on those. At most
/// kFarSquared. Pixels outside the image count as foreground, never as zeros: near the edge of a
/// window the result is what a larger window could give at most. Equal to
/// scipy.ndimage.distance_transform_edt squared wherever the mask has a zero.
/// Method: Meijster, Roerdink & Hesselink (2000), in integers.
void squared_distance(ImageView<const std::uint8_t> mask, Arena& scratch,
                      ImageView<std::int32_t> out);
[[nodiscard]] std::size_t squared_distance_scratch_bytes(std::int64_t width);

/// The same as floor(16 * distance), at most 4095 (255.9 px): a plane that can be smoothed.
void distance_sixteenths(ImageView<const std::uint8_t> mask, Arena& scratch,
                         ImageView<std::uint16_t> out);
[[nodiscard]] std::size_t distance_sixteenths_scratch_bytes(std::int64_t width);

}  // namespace tilepool
