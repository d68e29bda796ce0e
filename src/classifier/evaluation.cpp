#include "classifier/evaluation.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "classifier/booster.h"

namespace tilepool {
namespace {

/// Some rows of a training set.
struct Part {
  std::vector<std::size_t> rows;
  std::vector<float> values;
  std::vector<std::uint8_t> yes;

  void add(const TrainingSet& set, std::size_t row) {
    const std::size_t width = set.features.size();
    const auto at = set.values.begin() + static_cast<std::ptrdiff_t>(row * width);
    values.insert(values.end(), at, at + static_cast<std::ptrdiff_t>(width));
    yes.push_back(set.yes[row]);
    rows.push_back(row);
  }
};

}  // namespace

Evaluation cross_validate(const TrainingSet& set, const Groups& groups, Grouping grouping,
                          const Recipe& recipe, std::optional<double> threshold) {
  Evaluation evaluation{.grouping = grouping, .folds = fold_count(groups.counts)};
  evaluation.n_groups = static_cast<std::uint32_t>(groups.counts.size());
  evaluation.scores.resize(set.size());
  const std::vector<int> fold_of = assign_folds(groups.counts);
  for (int fold = 0; fold < evaluation.folds; ++fold) {
    Part seen;
    Part unseen;
    for (std::size_t row = 0; row < set.size(); ++row)
      (fold_of[groups.of_row[row]] == fold ? unseen : seen).add(set, row);
    const Booster model =
        Booster::train({seen.values, set.features.size()}, seen.yes, set.features, recipe);
    const auto scores = model.scores({unseen.values, set.features.size()}, 1);
    for (std::size_t i = 0; i < scores.size(); ++i) evaluation.scores[unseen.rows[i]] = scores[i];
  }
  std::vector<ScoredLabel> labels;
  labels.reserve(set.size());
  for (std::size_t row = 0; row < set.size(); ++row)
    labels.push_back({evaluation.scores[row], set.yes[row] != 0, groups.of_row[row]});
  evaluation.sorted = by_score(std::move(labels));
  evaluation.threshold_counts = !threshold.has_value();
  evaluation.threshold = threshold ? *threshold : counting_threshold(evaluation.sorted);
  evaluation.values = metrics_of(evaluation.sorted, evaluation.threshold);
  evaluation.intervals = bootstrap_intervals(evaluation.sorted, evaluation.threshold,
                                             evaluation.n_groups, recipe.seed);
  evaluation.confusion = confusion_of(evaluation.sorted, evaluation.threshold);
  return evaluation;
}

double constant_accuracy(const Confusion& confusion) {
  const double yes = confusion.true_yes + confusion.false_no;
  const double no = confusion.true_no + confusion.false_yes;
  return std::max(yes, no) / (yes + no);
}

std::vector<std::string> missed_gates(const MetricValues& values) {
  std::vector<std::string> missed;
  for (const Gate& gate : kGates) {
    const double value = value_of(values, gate.metric);
    const std::string_view key = kMetricKeys[static_cast<std::size_t>(gate.metric)];
    if (std::isnan(value))
      missed.push_back(fmt::format("{} is undefined", key));
    else if (value < gate.least)
      missed.push_back(fmt::format("{} {:.3f} is below {:.2f}", key, value, gate.least));
  }
  return missed;
}

}  // namespace tilepool
