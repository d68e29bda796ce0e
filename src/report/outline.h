#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// A mask at the size of a thumbnail.
struct SmallMask {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> ones;  ///< [height][width] 0 or 1

  [[nodiscard]] bool at(std::int64_t x, std::int64_t y) const {
    return x >= 0 && y >= 0 && x < width && y < height &&
           ones[static_cast<std::size_t>(y * width + x)] != 0;
  }
};

/// One where at least half of the mask's pixels are not zero.
[[nodiscard]] SmallMask shrink_mask(ImageView<const std::uint8_t> mask, std::int64_t width,
                                    std::int64_t height);

/// The borders of the mask's pieces and holes as the data of an SVG path, in HALF pixels of the
/// mask. Borders shorter than 10 pixels are left out, and steps smoothed within `tolerance` half
/// pixels (Douglas & Peucker 1973).
[[nodiscard]] std::string outline_path(const SmallMask& mask, double tolerance);

}  // namespace tilepool
