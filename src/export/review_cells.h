#pragma once

#include <cstdint>
#include <vector>

#include "common/run/results_reader.h"

namespace tilepool {

/// Columns of the cells that a review shows, slide by slide in the order of results.h5.
struct ReviewCells {
  std::vector<std::uint64_t> uid;
  std::vector<std::uint8_t> class_index;
  std::vector<double> x, y;            ///< centroid, level-0 px
  std::vector<float> area;             ///< um2; empty: the run has no such feature
  std::vector<float> score;            ///< of a classifier, 0..1, NaN unknown; empty: none
  std::vector<std::uint8_t> picture;   ///< 1: its crop is on a sheet
  std::vector<std::size_t> slide_end;  ///< of each slide of the results, behind its last cell

  [[nodiscard]] std::size_t size() const { return uid.size(); }
  [[nodiscard]] std::size_t slide_begin(std::size_t slide) const {
    return slide == 0 ? 0 : slide_end[slide - 1];
  }
};

/// Which cells: those with the `most` smallest uids. A uid is a hash, so that this is a random
/// choice which is the same on every machine and keeps its cells when `most` grows.
class CellChoice {
 public:
  /// Reads all uids: 8 bytes a cell of memory while it does, where there are more than `most`.
  CellChoice(const ResultsReader& results, std::uint64_t most);
  [[nodiscard]] bool takes(std::uint64_t uid) const { return uid <= greatest_; }

 private:
  std::uint64_t greatest_ = UINT64_MAX;
};

}  // namespace tilepool
