#include "common/run/patch_slots.h"

#include <algorithm>

#include "common/base/error.h"

namespace tilepool {

double tissue_share(const TissueBits& tissue, const PatchPlace& place, const TileGrid& grid,
                    const PatchOptions& options) {
  const double extent = static_cast<double>(options.size_px) * grid.scale();
  return tissue.share(static_cast<double>(place.x0), static_cast<double>(place.y0), extent, extent);
}

PatchSlots::PatchSlots(const TissueBits& tissue, const TileGrid& grid, const PatchOptions& options,
                       std::span<const PoolTile> pool) {
  tiles_.reserve(pool.size());
  begin_ = {0};
  for (const PoolTile& tile : pool) {
    std::uint64_t rows = 0;
    for (const PatchPlace& place : patches_of(grid, options, {tile.x, tile.y, tile.w, tile.h}))
      rows += tissue_share(tissue, place, grid, options) >= options.min_tissue ? 1 : 0;
    tiles_.emplace_back(tile.y, tile.x);
    begin_.push_back(begin_.back() + rows);
  }
  check(std::ranges::is_sorted(tiles_), ErrorCode::kHdf5,
        "plan.h5: a slide's pool is not in order");
}

std::size_t PatchSlots::find(const PoolTile& tile) const {
  const Corner wanted{tile.y, tile.x};
  const auto found = std::ranges::lower_bound(tiles_, wanted);
  check(found != tiles_.end() && *found == wanted, ErrorCode::kInternal,
        "tile ({}, {}) is not in its slide's pool", tile.x, tile.y);
  return static_cast<std::size_t>(found - tiles_.begin());
}

}  // namespace tilepool
