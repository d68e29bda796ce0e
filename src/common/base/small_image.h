#pragma once

#include <cstdint>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// A small image held by itself, interleaved RGB.
struct SmallImage {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  ///< [height][width][3]
};

/// The image averaged down so that its long edge is at most `edge_px`; never enlarged.
[[nodiscard]] SmallImage shrink(ConstRgbView image, std::int64_t edge_px);

}  // namespace tilepool
