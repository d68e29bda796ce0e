#pragma once

#include <vector>

#include "common/base/image_view.h"
#include "common/memory/budget.h"
#include "common/model/tile_grid.h"
#include "common/run/scan_file.h"

namespace tilepool {

/// Share of tissue in each core of the grid, [rows][columns], 0..1: the area of ones of `mask`
/// (scan pixels of `downsample` level-0 pixels) inside the clipped core over the core's area.
[[nodiscard]] std::vector<float> tissue_fractions(ImageView<const std::uint8_t> mask,
                                                  double downsample, const TileGrid& grid,
                                                  Budget& budget);

/// Completes a scan whose tissue is decided cohort-wide (method variance): makes the mask from the
/// variance map and `variance_threshold`, and the tissue fractions of the grid from the mask. The
/// scan must have been read with its variance map. Other methods decided while scanning: nothing is
/// done.
void decide_tissue(SlideScan& scan, const TissueOptions& options, double variance_threshold,
                   Budget& budget);

}  // namespace tilepool
