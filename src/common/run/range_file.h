#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/model/result.h"

namespace tilepool {

/// Which tile a row of a range file is about; survives growth of the sample (indices shift then,
/// identities do not).
struct RangeTile {
  std::uint32_t slide =
      0;  ///< index into /slides of the plan (slides are equal across generations)
  std::int64_t x = 0, y = 0;  ///< core corner, level-0 px
  TileStatus status = TileStatus::kPending;
  std::uint32_t n_cells = 0;
  std::uint64_t n_points = 0;  ///< contour points of all its cells
  float seconds = 0;
  std::string reason;  ///< when failed
};

/// A committed range as held in memory by the worker that made it.
struct RangeResult {
  std::uint32_t generation = 0;
  std::uint64_t first = 0,
                last = 0;  ///< sample indices, last inclusive (carried ones inside are absent)
  std::string pipeline_id;
  std::vector<RangeTile> tiles;      ///< in sample order, only those computed here
  CellBatch cells;                   ///< all tiles' cells one after the other
  std::vector<float> tile_features;  ///< [tiles][n_tile_features]
};

/// Appends one tile's result to the range; `tile` names slide and corner, the rest is filled in.
void append_tile(RangeResult& range, RangeTile tile, const TileResult& result);

/// Writes one closed, sealed file (common/run/seal.h): temporary name in the same folder, fsync,
/// rename, fsync of the folder. Uncompressed or lightly compressed; columns as in docs/format.md.
void write_range(const std::filesystem::path& final_path, const TaskSchema& schema,
                 const RangeResult& range);

/// Whether opening reads the whole file and compares its seal. Only what this process checked
/// before may be trusted.
enum class RangeSeal { kCheck, kTrust };

/// Reads range files by pieces. Opening checks the seal, the format and that sizes add up; verify()
/// reads what else must add up. Throws Error(kHdf5) when damaged.
class RangeReader {
 public:
  RangeReader(const std::filesystem::path& file, const TaskSchema& schema,
              RangeSeal seal = RangeSeal::kCheck);
  ~RangeReader();
  RangeReader(RangeReader&&) noexcept;
  RangeReader& operator=(RangeReader&&) noexcept;
  [[nodiscard]] std::uint32_t generation() const;
  [[nodiscard]] std::uint64_t first() const;
  [[nodiscard]] std::uint64_t last() const;
  [[nodiscard]] const std::string& pipeline_id() const;
  [[nodiscard]] std::uint64_t n_cells() const;
  [[nodiscard]] std::uint64_t n_points() const;
  [[nodiscard]] std::vector<RangeTile> tiles() const;
  void verify() const;

 private:
  friend class ResultsPacker;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tilepool
