#pragma once

#include <cstdint>

#include "common/annotation/region.h"
#include "common/base/image_view.h"

namespace tilepool {

/// How the pixels of a mask lie on a slide: pixel (i, j) is the level-0 square of `scale` pixels
/// whose corner is (x0 + i * scale, y0 + j * scale).
struct MaskFrame {
  double x0 = 0, y0 = 0;  ///< level-0 px
  double scale = 1;       ///< level-0 px per mask pixel, at least 1/16
};

/// The pixel of a frame at which a part of it begins.
struct MaskPlace {
  std::int64_t column = 0, row = 0;
};

/// Writes `value` into the pixels of `part` that lie in `region`; its corner is the pixel `place`
/// of the frame. Points and lines have none.
///
/// A pixel lies in a region when its centre does: in the outline and in no hole, each by the
/// non-zero rule, so that an outline that crosses itself, as pens do, has no gaps. A centre on an
/// edge belongs to what lies right of the edge, or below one that is level: regions that share an
/// edge share no pixel and leave none between them. To a `closed` region centres on its outline
/// belong on all sides. Vertices are rounded to 1/256 of a mask
/// pixel, all else is exact; what a pixel gets does not depend on the part.
///
/// Takes memory for the edges that cross the part, time for them, their crossings and the pixels.
void fill_region(const Region& region, const MaskFrame& frame, const MaskPlace& place,
                 std::uint8_t value, ImageView<std::uint8_t> part);

}  // namespace tilepool
