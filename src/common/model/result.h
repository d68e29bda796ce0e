#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tilepool {

/// A named float32 feature column, as it stands in results.h5.
struct FeatureSpec {
  std::string name;         ///< e.g. "area_um2"
  std::string unit;         ///< e.g. "um^2", "1" for none
  std::string description;  ///< one sentence
};

/// What a task finds in a tile, any number of it.
enum class Items {
  kNone,
  kCells,
  kPatches,  ///< kept as cells without contours, whose place is the patch's corner
};

/// What a task yields, known from the configuration alone and equal on every rank.
struct TaskSchema {
  Items items = Items::kNone;
  std::vector<FeatureSpec> cell_features;  ///< columns of /cells or /patches, float32
  std::vector<FeatureSpec> tile_features;  ///< columns of /features, float32, first axis /sample
};

enum class TileStatus : std::uint8_t { kPending = 0, kDone = 1, kFailed = 2 };

/// The cells of one tile (or of several, one after the other). Structure of arrays.
struct CellBatch {
  std::vector<double> x, y;                 ///< centroid, level-0 px
  std::vector<std::uint8_t> class_index;    ///< index into the config's classes
  std::vector<float> features;              ///< [n_cells][n_cell_features]
  std::vector<std::uint32_t> contour_size;  ///< points of each cell's contour
  std::vector<float> contour_x, contour_y;  ///< all contours, level-0 px, ring not closed

  [[nodiscard]] std::size_t size() const { return x.size(); }
};

/// What came of one sampled tile. Cells (or patches) are ordered by (y, x).
struct TileResult {
  TileStatus status = TileStatus::kPending;
  std::string reason;  ///< one line when failed
  CellBatch cells;
  std::vector<float> tile_features;  ///< [n_tile_features], NaN when failed
  float seconds = 0;                 ///< reading + computing
};

}  // namespace tilepool
