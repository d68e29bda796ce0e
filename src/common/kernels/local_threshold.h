#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// The threshold mixed from a number fixed per slide and the mean of the neighbourhood:
///   T(x, y) = (1 - w) * global + w * M(x, y)
/// M = mean of `plane` over those pixels of the square |dx|, |dy| <= radius_px around (x, y),
/// clipped to the image, where `counted` is not 0.
struct LocalThreshold {
  std::int32_t global = 0;      ///< 0..4095
  std::int32_t weight_256 = 0;  ///< w * 256, 0..256
  std::int64_t radius_px = 0;   ///< 0..1000
};

/// out = 1 where counted is set and plane > T, else 0; compared without rounding:
///   256 * plane * n > (256 - weight_256) * global * n + weight_256 * sum
/// with n and sum the count and sum of the counted pixels of the square.
/// plane 0..4095; all three of one size; `out` is neither `plane` nor `counted`.
void above_local_threshold(ImageView<const std::uint16_t> plane,
                           ImageView<const std::uint8_t> counted, const LocalThreshold& threshold,
                           Arena& scratch, ImageView<std::uint8_t> out);
[[nodiscard]] std::size_t above_local_threshold_scratch_bytes(std::int64_t width);

}  // namespace tilepool
