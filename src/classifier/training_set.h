#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "classifier/cell_lookup.h"
#include "classifier/folds.h"
#include "labels/votes.h"

namespace tilepool {

/// Labelled cells in the order of /cells: the same labels give the same order in every run of the
/// pipeline.
struct TrainingSet {
  std::vector<std::string> features;  ///< all float columns of /cells, bytewise order
  std::vector<float> values;          ///< [n][features.size()], NaN: missing
  std::vector<std::uint8_t> yes;      ///< 1 yes, 0 no
  std::vector<std::uint32_t> slide;   ///< row of /slides
  std::vector<std::uint64_t> sample;  ///< row of /sample: the tile

  [[nodiscard]] std::size_t size() const { return yes.size(); }
};

/// The decided cells of `verdicts`; all of them must be in `cells`.
[[nodiscard]] TrainingSet gather(const ResultsReader& results, const Verdicts& verdicts,
                                 const std::unordered_map<std::uint64_t, CellPlace>& cells);

/// The group of each row, numbered in the order of rows, and the labels of each group.
struct Groups {
  std::vector<std::uint32_t> of_row;
  std::vector<GroupCounts> counts;
};
[[nodiscard]] Groups groups_of(const TrainingSet& set, Grouping grouping);

/// Labels of each kind below which nothing is trained: with fewer, the intervals of precision and
/// recall are wider than 20 points to either side.
inline constexpr std::uint64_t kFewestLabels = 20;

/// Throws Error(kConfig) with counts and the way out when there are too few labels, one kind only,
/// or when they cannot be parted by `grouping`.
void check_trainable(const Verdicts& verdicts, const Groups& groups, Grouping grouping);

}  // namespace tilepool
