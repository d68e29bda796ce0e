#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/result.h"
#include "common/run/layout.h"
#include "common/run/plan_file.h"

namespace tilepool {

/// A tile that failed, and why.
struct TileFailure {
  std::uint32_t slide = 0;    ///< index into /slides
  std::int64_t x = 0, y = 0;  ///< core corner, level-0 px
  std::string reason;
};

/// What came of one tile.
struct TileOutcome {
  std::uint32_t slide = 0;
  std::uint32_t n_cells = 0;
  std::int64_t x = 0, y = 0;
  TileStatus status = TileStatus::kPending;
  float seconds = 0;  ///< reading and computing
};

/// What the tile tables of a run's range files hold, or results.h5 where they have been removed.
/// Cells and contours are not read. 32 bytes a tile.
class TileOutcomes {
 public:
  /// Range files that cannot be read, or are of another pipeline, are passed over and named in
  /// problems().
  TileOutcomes(const RunLayout& layout, const PlanReader& plan);

  /// Status kPending when nothing was committed for the tile.
  [[nodiscard]] TileOutcome of(std::uint32_t slide, std::int64_t x, std::int64_t y) const;
  /// One a failed tile, in the order of the tiles.
  [[nodiscard]] const std::vector<TileFailure>& failures() const { return failures_; }
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  void read_ranges(const RunLayout& layout, const std::string& pipeline_id);
  void read_results(const RunLayout& layout, const PlanReader& plan);
  void add(const TileOutcome& outcome, const std::string& reason);
  void order();

  std::vector<TileOutcome> tiles_;
  std::vector<TileFailure> failures_;
  std::vector<std::string> problems_;
};

}  // namespace tilepool
