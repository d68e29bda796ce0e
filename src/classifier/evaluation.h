#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "classifier/folds.h"
#include "classifier/metrics.h"
#include "classifier/recipe.h"
#include "classifier/training_set.h"

namespace tilepool {

/// How a model does on groups (slides) that it has not seen.
struct Evaluation {
  Grouping grouping = Grouping::kSlide;
  int folds = 0;
  std::uint32_t n_groups = 0;
  double threshold = 0;           ///< a score from it up is called yes
  bool threshold_counts = false;  ///< it is the counting_threshold() of these very scores
  std::vector<float> scores;      ///< of each row of the training set, by a model without its fold
  std::vector<ScoredLabel> sorted;  ///< the same, highest score first
  MetricValues values{};
  std::array<Interval, kMetrics> intervals;
  Confusion confusion;
};

/// Trains one model a fold on all other folds and scores the fold with it. `groups` must satisfy
/// check_trainable(). `threshold` is 0..1; nullopt: the counting_threshold() of the scores.
[[nodiscard]] Evaluation cross_validate(const TrainingSet& set, const Groups& groups,
                                        Grouping grouping, const Recipe& recipe,
                                        std::optional<double> threshold);

/// The share of labels on which it is right to give them all the more frequent answer.
[[nodiscard]] double constant_accuracy(const Confusion& confusion);

/// What a model has to reach to be written without being asked for it.
struct Gate {
  Metric metric;
  double least;
};
inline constexpr std::array<Gate, 3> kGates = {
    Gate{Metric::kAccuracy, 0.75}, Gate{Metric::kPrecision, 0.70}, Gate{Metric::kRecall, 0.70}};

/// "precision 0.61 is below 0.70", one for each gate that is missed; an undefined value misses.
[[nodiscard]] std::vector<std::string> missed_gates(const MetricValues& values);

}  // namespace tilepool
