#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "classifier/booster.h"
#include "classifier/model_file.h"
#include "common/run/results_reader.h"

namespace tilepool {

/// Scores cells of a run by one model, piece by piece.
class CellScorer {
 public:
  /// `where` names the model in messages; `threads` >= 1, on which no score depends. Throws
  /// Error(kConfig) when XGBoost refuses the model, Error(kUsage) when the run lacks its class.
  CellScorer(const ResultsReader& results, const Model& model, const std::string& where,
             int threads);

  /// Sets score (0..1) and decision (common/run/cell_scores.h) of the model's cells among the rows
  /// [first, first + classes.size()) of /cells, whose classes these are; leaves the others.
  void score(std::uint64_t first, std::span<const std::uint8_t> classes, std::span<float> score,
             std::span<std::uint8_t> decision) const;

 private:
  [[nodiscard]] std::vector<float> scores_of_class(std::uint64_t first,
                                                   std::span<const std::uint8_t> classes) const;
  const ResultsReader& results_;
  std::vector<std::string> features_;
  double threshold_;
  Booster booster_;
  std::uint8_t class_index_;
  int threads_;
};

}  // namespace tilepool
