#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Median of the 7 x 7 pixels around each pixel, the image's edge replicated: cv2.medianBlur(in, 7)
/// and scipy.ndimage.median_filter(in, 7, mode="nearest"). `out` must not be `in`.
/// Huang, Yang & Tang (1979): one histogram slides along each row.
void median_7x7(ImageView<const std::uint8_t> in, ImageView<std::uint8_t> out);

/// Mean of the (2r+1)^2 window around each pixel, clipped to the image, rounded half up. r 1..64.
void window_mean(ImageView<const std::uint8_t> in, std::int64_t radius, Arena& scratch,
                 ImageView<std::uint8_t> out);
/// Variance of the same window: (n sum(x^2) - sum(x)^2) / n^2, rounded down; at most 16256.
void window_variance(ImageView<const std::uint8_t> in, std::int64_t radius, Arena& scratch,
                     ImageView<std::uint16_t> out);
[[nodiscard]] std::size_t window_scratch_bytes(std::int64_t width);

}  // namespace tilepool
