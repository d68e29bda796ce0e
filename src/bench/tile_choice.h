#pragma once

#include <cstdint>
#include <vector>

#include "common/base/image_view.h"
#include "common/model/tile_grid.h"

namespace tilepool {

/// Cores of at most `most` tiles of the grid (at least 1), always the same for the same input. Of
/// the tiles whose `tissue_fraction` ([rows][columns], 0..1) is at least `min_fraction`, every so
/// many, spread over all of them, in the order of the rows. Where there is none, or
/// `tissue_fraction` is empty, those nearest to the middle of the slide.
[[nodiscard]] std::vector<Rect> choose_tiles(const TileGrid& grid,
                                             const std::vector<float>& tissue_fraction,
                                             double min_fraction, std::size_t most);

/// How many tiles of `window_px` pixels are read in turn: about 64 Mpx, so that no cache of decoded
/// tiles holds them (OpenSlide's has 32 MiB), at least 8, at most 1024.
[[nodiscard]] std::size_t tiles_to_read(double window_px);

}  // namespace tilepool
