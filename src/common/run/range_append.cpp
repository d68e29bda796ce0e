#include "common/base/checked.h"
#include "common/run/range_file.h"

namespace tilepool {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void append_tile(RangeResult& range, RangeTile tile, const TileResult& result) {
  const CellBatch& cells = result.cells;
  tile.status = result.status;
  tile.reason = result.reason;
  tile.seconds = result.seconds;
  tile.n_cells = checked_cast<std::uint32_t>(cells.size());
  tile.n_points = cells.contour_x.size();
  range.tiles.push_back(std::move(tile));
  append(range.cells.x, cells.x);
  append(range.cells.y, cells.y);
  append(range.cells.class_index, cells.class_index);
  append(range.cells.features, cells.features);
  append(range.cells.contour_size, cells.contour_size);
  append(range.cells.contour_x, cells.contour_x);
  append(range.cells.contour_y, cells.contour_y);
  append(range.tile_features, result.tile_features);
}

}  // namespace tilepool
