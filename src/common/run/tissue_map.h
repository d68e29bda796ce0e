#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"
#include "common/model/options.h"
#include "common/model/slide_info.h"

namespace tilepool {

/// Lengths of the tissue rules in scan pixels.
///
/// With a known mpp: a margin of 35 um, pieces that hold a disk of 8 um, objects and holes as the
/// options say. Without: the figures of histolab's TissueMask (disk 5, holes 3000 px on its
/// thumbnail of 1/10), which in level-0 px are a margin of 50 and holes of 300,000, bounded by
/// 1/36 of the long edge and 1/6 of the slide's area; objects of 0.2 % of the slide; a disk of
/// three scan pixels.
struct TissueLengths {
  double margin_px = 0;            ///< by which tissue grows
  double core_radius_px = 0;       ///< a piece of tissue holds a disk of this radius
  std::int64_t min_object_px = 0;  ///< area
  std::int64_t max_hole_px = 0;    ///< area
};
/// `downsample`: level-0 px per scan pixel.
[[nodiscard]] TissueLengths tissue_lengths(const SlideInfo& info, double downsample,
                                           const TissueOptions& options);

/// Drops lines, specks and small objects, then grows what is left by the margin and fills holes.
/// In place.
void clean_tissue(ImageView<std::uint8_t> mask, const TissueLengths& lengths, Arena& scratch);
[[nodiscard]] std::size_t clean_tissue_scratch_bytes(std::int64_t width, std::int64_t height,
                                                     const TissueLengths& lengths);

}  // namespace tilepool
