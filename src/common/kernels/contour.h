#pragma once

#include <cstdint>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// A point on the boundary between pixels, in half pixels: pixel (x, y) covers
/// [2x, 2x + 2] x [2y, 2y + 2].
struct HalfPixel {
  std::int32_t x = 0, y = 0;
  friend bool operator==(const HalfPixel&, const HalfPixel&) = default;
};

/// The outer boundary of the 8-connected piece of pixels equal to `label` whose first pixel in
/// raster order is (x, y): through the midpoints of the pixel edges between label and not label,
/// clockwise on the screen (y down), starting above that first pixel; points on a straight line
/// between their neighbours are left out (the start never is), the first is not repeated.
/// The ring is simple. It encloses the centres of exactly the piece's pixels (and of its holes), so
/// rasterising at pixel centres gives them back; its shoelace area is their number less 1/2.
void trace_contour(ImageView<const std::int32_t> labels, std::int32_t label, std::int64_t x,
                   std::int64_t y, std::vector<HalfPixel>& out);

}  // namespace tilepool
