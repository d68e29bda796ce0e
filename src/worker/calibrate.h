#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/kernels/normalise_stain.h"
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

/// Reads the patches and fixes for the slide its stains, where they are to be normalised, and the
/// task's numbers, from normalised pixels then. A slide whose stains cannot be fitted is told in
/// the note and stays as it is. A patch that cannot be read is left out and told in the note.
[[nodiscard]] SlideCalibration calibrate_slide(const std::string& slide_id, SlideSource& source,
                                               const TileGrid& grid, Modality modality,
                                               const std::vector<Rect>& patches,
                                               const Options& options, Budget& budget);
/// What calibrate_slide() takes of its budget at most.
[[nodiscard]] std::size_t calibrate_slide_bytes(const Options& options);

/// Fits the stains of a slide to the patches that calibrate_slide() would read. nullopt where there
/// is nothing to go by. `note` says why, and what could not be read; may be empty.
[[nodiscard]] std::optional<StainProfile> fit_slide_stains(SlideSource& source,
                                                           const TileGrid& grid,
                                                           const std::vector<Rect>& patches,
                                                           const Options& options, Budget& budget,
                                                           std::string& note);

/// What gives a slide so calibrated the colours of `options.target`; null where it stays as it is.
[[nodiscard]] std::unique_ptr<const StainMap> stain_map_of(const StainOptions& options,
                                                           const SlideCalibration& calibration);

}  // namespace tilepool
