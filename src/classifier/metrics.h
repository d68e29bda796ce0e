#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tilepool {

/// A label and the score that a model gave which had not seen it.
struct ScoredLabel {
  float score = 0;  ///< 0..1
  bool yes = false;
  std::uint32_t group = 0;  ///< slide or tile, 0 .. n_groups - 1
};

enum class Metric { kAccuracy, kPrecision, kRecall, kF1, kAuroc, kAveragePrecision };
inline constexpr std::size_t kMetrics = 6;
/// As in files and on the command line, and for a person.
inline constexpr std::array<std::string_view, kMetrics> kMetricKeys = {
    "accuracy", "precision", "recall", "f1", "auroc", "average_precision"};
inline constexpr std::array<std::string_view, kMetrics> kMetricTitles = {
    "accuracy", "precision", "recall", "F1", "area under ROC curve", "average precision"};

/// By Metric; NaN where undefined, such as precision when nothing is called yes.
using MetricValues = std::array<double, kMetrics>;
[[nodiscard]] constexpr double value_of(const MetricValues& values, Metric metric) {
  return values[static_cast<std::size_t>(metric)];
}

/// Labels by what was called: score >= threshold is yes.
struct Confusion {
  double true_yes = 0, false_yes = 0, true_no = 0, false_no = 0;
};

/// Highest score first: what the functions below take.
[[nodiscard]] std::vector<ScoredLabel> by_score(std::vector<ScoredLabel> labels);

/// Each label counts `group_weight[group]` times, once without weights.
[[nodiscard]] Confusion confusion_of(std::span<const ScoredLabel> sorted, double threshold,
                                     std::span<const double> group_weight = {});
/// Area under the ROC curve with ties as one half; average precision as the sum over distinct
/// scores of the recall gained times the precision there (no interpolation).
[[nodiscard]] MetricValues metrics_of(std::span<const ScoredLabel> sorted, double threshold,
                                      std::span<const double> group_weight = {});

/// The score from which up as many labels are called yes as are yes, so that what is missed and
/// what is called wrongly even out in a count. Of equal differences the higher score; 1 without a
/// yes.
[[nodiscard]] double counting_threshold(std::span<const ScoredLabel> sorted);

struct Interval {
  double low = 0, high = 0;  ///< NaN: undefined in more than half of the resamplings
};
/// 95 % percentile intervals of 1000 bootstrap resamplings of whole groups (slides are what varies;
/// cells of one slide are alike). Depends on labels and `seed` only.
[[nodiscard]] std::array<Interval, kMetrics> bootstrap_intervals(
    std::span<const ScoredLabel> sorted, double threshold, std::uint32_t n_groups,
    std::uint64_t seed);

/// A point of the precision-recall curve: everything from `score` up is called yes.
struct PrecisionRecall {
  float score = 0;
  double recall = 0, precision = 0;
};
/// One point for each distinct score, recall ascending. Empty without a yes.
[[nodiscard]] std::vector<PrecisionRecall> precision_recall(std::span<const ScoredLabel> sorted);

/// Labels whose score lies in [index/10, (index+1)/10), the last bin with its upper end.
struct CalibrationBin {
  std::uint64_t n = 0;
  double mean_score = 0, yes_share = 0;  ///< 0 when empty
};
[[nodiscard]] std::array<CalibrationBin, 10> calibration(std::span<const ScoredLabel> sorted);

/// The 95 % score interval of a share found among `n` >= 1 (Wilson 1927, JASA 22:209-212).
[[nodiscard]] Interval wilson_interval(double share, std::uint64_t n);

}  // namespace tilepool
