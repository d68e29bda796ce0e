#pragma once

#include <cstdint>
#include <vector>

#include "common/base/image_view.h"
#include "common/model/options.h"
#include "common/model/tile_grid.h"

namespace tilepool {

/// A patch by its corner.
struct PatchPlace {
  std::int64_t x = 0, y = 0;    ///< analysis px, from the slide's corner
  std::int64_t x0 = 0, y0 = 0;  ///< level-0 px
};

/// The patches that begin in a core, row by row: all of the lattice, of which nothing is measured
/// yet. Without options.pad those that are whole.
[[nodiscard]] std::vector<PatchPlace> patches_of(const TileGrid& grid, const PatchOptions& options,
                                                 const Rect& core);

}  // namespace tilepool
