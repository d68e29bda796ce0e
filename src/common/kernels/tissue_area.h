#pragma once

#include <cstdint>

#include "common/base/image_view.h"

namespace tilepool {

/// sums(i, j) = the number of ones of `mask` left of column i and above row j; (width + 1) x
/// (height + 1). Crow (1984). Fewer than 2^32 pixels.
void summed_area(ImageView<const std::uint8_t> mask, ImageView<std::uint32_t> sums);

/// The area of ones in [x0, x1) x [y0, y1), in mask pixels, cut pixels counted by the part inside.
/// x0 <= x1, y0 <= y1, all >= 0. Beyond the right and bottom edge the last column and row go on:
/// a level may end a fraction of a scan pixel before the slide does.
[[nodiscard]] double tissue_area(ImageView<const std::uint32_t> sums, double x0, double y0,
                                 double x1, double y1);

}  // namespace tilepool
