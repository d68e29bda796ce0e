#include "common/kernels/height_map.h"

#include <algorithm>

namespace tilepool {

void raise_by_plane(ImageView<const std::uint8_t> mask, ImageView<const std::uint16_t> plane,
                    std::int32_t gain_256, ImageView<std::uint16_t> height) {
  for (std::int64_t y = 0; y < mask.height; ++y) {
    const std::uint8_t* on = mask.row(y);
    const std::uint16_t* p = plane.row(y);
    std::uint16_t* h = height.row(y);
    for (std::int64_t x = 0; x < mask.width; ++x) {
      const std::int32_t raised = std::min(h[x] + ((gain_256 * p[x]) >> 8), 4095);
      h[x] = static_cast<std::uint16_t>(on[x] == 0 ? 0 : raised);
    }
  }
}

}  // namespace tilepool
