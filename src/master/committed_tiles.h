#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "common/model/result.h"
#include "common/run/layout.h"

namespace tilepool {

/// Every tile that the range files of a run directory hold, of any generation. Built by reading all
/// of them once, checksums included; damaged files are removed, so that their tiles are computed
/// again. 24 bytes a tile.
class CommittedTiles {
 public:
  CommittedTiles(const RunLayout& layout, const TaskSchema& schema, const std::string& pipeline_id);

  [[nodiscard]] bool contains(std::uint32_t slide, std::int64_t x, std::int64_t y) const;
  /// TileStatus::kPending when it is not there.
  [[nodiscard]] TileStatus status(std::uint32_t slide, std::int64_t x, std::int64_t y) const;
  [[nodiscard]] std::uint32_t cells(std::uint32_t slide, std::int64_t x, std::int64_t y) const;
  /// Files that were removed, with what was wrong with them.
  [[nodiscard]] const std::vector<std::string>& damaged() const { return damaged_; }

 private:
  struct Entry {
    std::uint32_t slide = 0;
    std::uint32_t n_cells = 0;
    std::int64_t y = 0;
    std::int32_t x = 0;
    TileStatus status = TileStatus::kPending;
    [[nodiscard]] auto place() const { return std::tuple(slide, y, x); }
  };
  [[nodiscard]] const Entry* find(std::uint32_t slide, std::int64_t x, std::int64_t y) const;
  std::vector<Entry> entries_;
  std::vector<std::string> damaged_;
};

}  // namespace tilepool
