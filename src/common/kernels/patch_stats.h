#pragma once

#include "common/base/image_view.h"

namespace tilepool {

/// What decides whether a patch is worth keeping.
struct PatchStats {
  double white = 0;      ///< share of pixels with min(R, G, B) >= white_level, 0..1
  double black = 0;      ///< share of pixels with max(R, G, B) <= black_level, 0..1
  double sharpness = 0;  ///< population variance of 4g - left - right - above - below over the
                         ///< inner pixels, g = (77 R + 150 G + 29 B + 128) >> 8; small where
                         ///< blurred (Pech-Pacheco et al., ICPR 2000)
};

/// Exact sums in integers. At least 3 x 3 pixels.
[[nodiscard]] PatchStats patch_stats(ConstRgbView rgb, int white_level, int black_level);

}  // namespace tilepool
