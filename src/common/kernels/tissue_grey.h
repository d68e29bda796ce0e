#pragma once

#include <array>
#include <cstdint>

#include "common/base/image_view.h"

namespace tilepool {

/// out(i, j) = the mean of the k x k pixels of `in` from (i*k, j*k), per channel, rounded half up;
/// at the right and bottom edge the mean of the pixels that are there. out is ceil(in / k) in size;
/// k 1..4096.
void box_average(ConstRgbView in, std::int64_t k, RgbView out);

/// Luma of ITU-R BT.601 in 16-bit weights: (19595 R + 38470 G + 7471 B + 32768) >> 16, as Pillow's
/// convert("L") has it.
void grey_plane(ConstRgbView rgb, ImageView<std::uint8_t> out);

/// max(R, G, B): fluorescence in one channel is as bright here as in all three.
void brightest_plane(ConstRgbView rgb, ImageView<std::uint8_t> out);

/// HSV saturation in 8 bits: round(255 (max - min) / max), half up; 0 where max is 0.
void saturation_plane(ConstRgbView rgb, ImageView<std::uint8_t> out);

/// Pixels of each value.
[[nodiscard]] std::array<std::uint64_t, 256> histogram(ImageView<const std::uint8_t> plane);

}  // namespace tilepool
