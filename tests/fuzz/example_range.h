#pragma once

#include "common/hdf5/error.h"
#include "common/run/range_file.h"
#include "fuzz.h"

namespace tilepool::fuzz {

inline TaskSchema example_schema() {
  return {Items::kCells,
          {{"area_um2", "um^2", "Area."}, {"solidity", "1", "Solidity."}},
          {{"mean_r", "1", "Mean red."}}};
}

/// Every file, dataset, type and attribute was closed again, also behind an error. (What HDF5
/// itself leaks when it refuses a damaged file is suppressed.)
inline void require_all_closed() {
  require(h5::open_objects() == 0, "no HDF5 object is left open");
}

/// Reads all that a resumed run and the packing read of a range file, and checks what they rely on.
inline void read_whole_range(const std::filesystem::path& file) {
  const TaskSchema schema = example_schema();
  const RangeReader range(file, schema);
  range.verify();
  std::uint64_t cells = 0;
  std::uint64_t points = 0;
  for (const RangeTile& tile : range.tiles()) {
    require(tile.status == TileStatus::kDone || tile.status == TileStatus::kFailed,
            "a committed tile is done or failed");
    cells += tile.n_cells;
    points += tile.n_points;
  }
  require(cells == range.n_cells() && points == range.n_points(), "the sizes add up");
}

}  // namespace tilepool::fuzz
