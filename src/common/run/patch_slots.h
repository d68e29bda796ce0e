#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/model/options.h"
#include "common/model/patch_lattice.h"
#include "common/model/tile_grid.h"
#include "common/run/plan_file.h"
#include "common/run/tissue_bits.h"

namespace tilepool {

/// Share of a patch that is tissue in its slide's scan.
[[nodiscard]] double tissue_share(const TissueBits& tissue, const PatchPlace& place,
                                  const TileGrid& grid, const PatchOptions& options);

/// Rows of a slide's file of raw patches. Each tile of the pool, sampled or not, has as many as it
/// has patches with enough tissue, so that a row depends neither on the sample nor on what becomes
/// of other tiles. A tile's kept patches stand at the front of its rows. So where all tiles are
/// sampled and no rule drops a patch, the file is the slide's patches without gap.
class PatchSlots {
 public:
  /// `pool`: all tiles of the slide's pool, in order.
  PatchSlots(const TissueBits& tissue, const TileGrid& grid, const PatchOptions& options,
             std::span<const PoolTile> pool);

  [[nodiscard]] std::uint64_t first_row(const PoolTile& tile) const { return begin_[find(tile)]; }
  [[nodiscard]] std::uint64_t end_row(const PoolTile& tile) const { return begin_[find(tile) + 1]; }
  [[nodiscard]] std::uint64_t rows() const { return begin_.back(); }

 private:
  using Corner = std::pair<std::int64_t, std::int64_t>;  ///< y, x
  [[nodiscard]] std::size_t find(const PoolTile& tile) const;
  std::vector<Corner> tiles_;         ///< ascending
  std::vector<std::uint64_t> begin_;  ///< [tiles + 1]
};

}  // namespace tilepool
