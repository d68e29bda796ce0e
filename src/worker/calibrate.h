#pragma once

#include <vector>

#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/run/calibration_file.h"
#include "common/run/scan_file.h"
#include "common/slide/source.h"

namespace tilepool {

/// The patches of a slide from which its calibration is made: of the grid of squares of
/// calibration.patch_px analysis pixels, those with at least half tissue (or, where there is none,
/// those with the most), the calibration.tiles_per_slide smallest by tile_key with seed 0, in
/// (y, x) order. Independent of tile size and sample. Level-0 px.
/// `scan` must hold its mask.
[[nodiscard]] std::vector<Rect> calibration_patches(const SlideScan& scan, const Options& options,
                                                    Budget& budget);

/// Reads the patches and fixes the task's numbers for the slide. A patch that cannot be read is
/// left out and told in the note; Error(kSlide) when none can.
[[nodiscard]] SlideCalibration calibrate_slide(const std::string& slide_id, SlideSource& source,
                                               const TileGrid& grid, Modality modality,
                                               const std::vector<Rect>& patches,
                                               const Options& options, Budget& budget);

}  // namespace tilepool
