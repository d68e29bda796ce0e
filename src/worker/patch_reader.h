#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "common/model/options.h"
#include "common/model/tile_grid.h"
#include "common/slide/source.h"
#include "worker/tile_task.h"

namespace tilepool {

/// Whether patches have to be read one by one: as asked for, or since the level's downsample is not
/// whole, where OpenSlide's pixels depend on where a region begins.
[[nodiscard]] bool read_one_by_one(const SlideInfo& info, const TileGrid& grid,
                                   const PatchOptions& options);
/// Reads the patches of a core into `pixels`, one below the other. Throws Error(kSlide).
[[nodiscard]] TileWindow read_patches(SlideSource& source, const TileGrid& grid,
                                      const PatchOptions& options, const Rect& core,
                                      std::span<std::uint8_t> pixels);

}  // namespace tilepool
