#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "common/run/results_reader.h"

namespace tilepool {

/// What a classifier says of a cell, as it stands in files; kUnscored: no classifier knows its
/// class.
inline constexpr std::uint8_t kNo = 0;
inline constexpr std::uint8_t kYes = 1;
inline constexpr std::uint8_t kUnscored = 255;

/// Scores of the cells of a run: the columns of its results.h5, and over them what
/// `tilepool classify` wrote to classified/ since. Read by pieces.
class CellScores {
 public:
  /// `folder` need not be there. A file of another job is told on stderr and passed over. Throws
  /// Error(kHdf5).
  CellScores(const ResultsReader& results, const std::filesystem::path& folder);

  /// Whether any cell may have a score.
  [[nodiscard]] bool any() const { return !sources_.empty(); }
  /// Rows [first, first + n) of /cells. score: probability of yes, 0..1, NaN where there is none;
  /// decision: kNo, kYes, kUnscored.
  void read(std::uint64_t first, std::span<float> score, std::span<std::uint8_t> decision) const;

 private:
  struct Source {
    h5::Dataset score, decision;
  };
  void add_file(const ResultsReader& results, const std::filesystem::path& path);
  std::vector<Source> sources_;  ///< a later one wins where it has a score
};

}  // namespace tilepool
