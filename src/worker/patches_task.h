#pragma once

#include <memory>
#include <span>
#include <string>

#include "common/model/options.h"
#include "common/model/tile_grid.h"
#include "common/run/layout.h"
#include "common/run/plan_file.h"
#include "worker/tile_task.h"

namespace tilepool {

/// Columns of /patches: tissue_fraction, white_fraction, black_fraction, sharpness.
[[nodiscard]] TaskSchema patches_schema();

/// Cuts the patches of one slide: measures each, drops those that break a rule, and writes the
/// pixels of the others where options.patches.pixels says. Reads the slide's scan, in the thread
/// that calls HDF5. `pool`: all tiles of the slide's pool.
[[nodiscard]] std::unique_ptr<TileTask> make_patches_task(const Options& options,
                                                          const std::string& slide_id,
                                                          const TileGrid& grid,
                                                          const RunLayout& layout,
                                                          std::span<const PoolTile> pool);

}  // namespace tilepool
