#pragma once

#include <span>

#include "common/memory/buffer.h"
#include "common/model/tile_grid.h"
#include "common/slide/scaled_read.h"
#include "common/slide/source.h"
#include "worker/tile_task.h"

namespace tilepool {

/// Size in analysis pixels of the window (core and halo) of a core of w x h level-0 pixels.
struct WindowSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
};
[[nodiscard]] WindowSize window_size(const TileGrid& grid, std::int64_t core_w,
                                     std::int64_t core_h);
/// Of what is read of the largest tile.
[[nodiscard]] WindowSize largest_window(const Options& options);

/// Reads core and halo of the tile whose core is `core` (level 0) into `pixels`, which must hold
/// 3 * width * height bytes of its window, and describes the window. Beyond the slide it is white.
/// Throws Error(kSlide) when the slide cannot be read there.
[[nodiscard]] TileWindow read_tile(SlideSource& source, const TileGrid& grid, const Rect& core,
                                   std::span<std::uint8_t> pixels);

/// What read_tile() reads of the slide.
[[nodiscard]] LevelRegion tile_region(const SlideInfo& info, const TileGrid& grid,
                                      const Rect& core);
/// Tells the slide that the tiles with these cores are being read or come next.
void expect_tiles(SlideSource& source, const TileGrid& grid, std::span<const Rect> cores);
/// How many tiles ahead are worth telling.
inline constexpr std::size_t kTilesAhead = 16;

}  // namespace tilepool
