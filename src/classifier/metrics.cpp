#include "classifier/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kResamplings = 1000;

double ratio(double part, double whole) { return whole > 0 ? part / whole : kNone; }

double weight_of(const ScoredLabel& label, std::span<const double> group_weight) {
  return group_weight.empty() ? 1.0 : group_weight[label.group];
}

/// Calls `visit(score, yes, no)` with the weights at each distinct score, highest first.
template <class Visit>
void for_each_score(std::span<const ScoredLabel> sorted, std::span<const double> group_weight,
                    Visit visit) {
  for (std::size_t i = 0; i < sorted.size();) {
    const float score = sorted[i].score;
    double yes = 0;
    double no = 0;
    for (; i < sorted.size() && sorted[i].score == score; ++i)
      (sorted[i].yes ? yes : no) += weight_of(sorted[i], group_weight);
    visit(score, yes, no);
  }
}

/// Quantiles 2.5 % and 97.5 % of what is defined, interpolated between order statistics.
Interval interval_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.size() * 2 < kResamplings) return {kNone, kNone};
  std::ranges::sort(values);
  const auto quantile = [&](double share) {
    const double at = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return {quantile(0.025), quantile(0.975)};
}

}  // namespace

std::vector<ScoredLabel> by_score(std::vector<ScoredLabel> labels) {
  std::ranges::stable_sort(labels, std::ranges::greater(), &ScoredLabel::score);
  return labels;
}

double counting_threshold(std::span<const ScoredLabel> sorted) {
  const auto n_yes = static_cast<double>(std::ranges::count_if(sorted, &ScoredLabel::yes));
  double best = 1;
  double least = n_yes;  // nothing is called yes
  double called = 0;
  for_each_score(sorted, {}, [&](float score, double yes, double no) {
    called += yes + no;
    if (std::abs(called - n_yes) >= least) return;
    least = std::abs(called - n_yes);
    best = score;
  });
  return best;
}

Confusion confusion_of(std::span<const ScoredLabel> sorted, double threshold,
                       std::span<const double> group_weight) {
  Confusion sum;
  for (const ScoredLabel& label : sorted) {
    const bool called = static_cast<double>(label.score) >= threshold;
    double& cell = called ? (label.yes ? sum.true_yes : sum.false_yes)
                          : (label.yes ? sum.false_no : sum.true_no);
    cell += weight_of(label, group_weight);
  }
  return sum;
}

MetricValues metrics_of(std::span<const ScoredLabel> sorted, double threshold,
                        std::span<const double> group_weight) {
  const Confusion sum = confusion_of(sorted, threshold, group_weight);
  const double all_yes = sum.true_yes + sum.false_no;
  const double all_no = sum.true_no + sum.false_yes;
  double yes_above = 0;
  double no_above = 0;
  double pairs_in_order = 0;
  double gained = 0;
  for_each_score(sorted, group_weight, [&](float, double yes, double no) {
    pairs_in_order += no * (yes_above + yes / 2);
    yes_above += yes;
    no_above += no;
    if (yes > 0) gained += yes * yes_above / (yes_above + no_above);
  });
  return {ratio(sum.true_yes + sum.true_no, all_yes + all_no),
          ratio(sum.true_yes, sum.true_yes + sum.false_yes),
          ratio(sum.true_yes, all_yes),
          ratio(2 * sum.true_yes, 2 * sum.true_yes + sum.false_yes + sum.false_no),
          ratio(pairs_in_order, all_yes * all_no),
          ratio(gained, all_yes)};
}

std::array<Interval, kMetrics> bootstrap_intervals(std::span<const ScoredLabel> sorted,
                                                   double threshold, std::uint32_t n_groups,
                                                   std::uint64_t seed) {
  check(n_groups > 0, ErrorCode::kInternal, "no group to resample");
  // The standard fixes this generator's numbers, but not those of its distributions.
  std::mt19937_64 random(seed);
  std::array<std::vector<double>, kMetrics> found;
  std::vector<double> weight(n_groups);
  for (std::size_t i = 0; i < kResamplings; ++i) {
    std::ranges::fill(weight, 0.0);
    for (std::uint32_t draw = 0; draw < n_groups; ++draw) weight[random() % n_groups] += 1;
    const MetricValues values = metrics_of(sorted, threshold, weight);
    for (std::size_t metric = 0; metric < kMetrics; ++metric)
      found[metric].push_back(values[metric]);
  }
  std::array<Interval, kMetrics> intervals;
  for (std::size_t metric = 0; metric < kMetrics; ++metric)
    intervals[metric] = interval_of(std::move(found[metric]));
  return intervals;
}

std::vector<PrecisionRecall> precision_recall(std::span<const ScoredLabel> sorted) {
  const auto all_yes = static_cast<double>(std::ranges::count(sorted, true, &ScoredLabel::yes));
  std::vector<PrecisionRecall> curve;
  if (all_yes == 0) return curve;
  double yes_above = 0;
  double no_above = 0;
  for_each_score(sorted, {}, [&](float score, double yes, double no) {
    yes_above += yes;
    no_above += no;
    curve.push_back({score, yes_above / all_yes, yes_above / (yes_above + no_above)});
  });
  return curve;
}

std::array<CalibrationBin, 10> calibration(std::span<const ScoredLabel> sorted) {
  std::array<CalibrationBin, 10> bins;
  for (const ScoredLabel& label : sorted) {
    const double score = std::clamp(static_cast<double>(label.score), 0.0, 1.0);
    CalibrationBin& bin = bins[std::min<std::size_t>(9, static_cast<std::size_t>(score * 10))];
    ++bin.n;
    bin.mean_score += score;
    bin.yes_share += label.yes ? 1 : 0;
  }
  for (CalibrationBin& bin : bins) {
    if (bin.n == 0) continue;
    bin.mean_score /= static_cast<double>(bin.n);
    bin.yes_share /= static_cast<double>(bin.n);
  }
  return bins;
}

Interval wilson_interval(double share, std::uint64_t n) {
  constexpr double kZ = 1.959963984540054;  // quantile 97.5 % of the normal distribution
  const auto count = static_cast<double>(n);
  const double shrink = 1 + kZ * kZ / count;
  const double centre = (share + kZ * kZ / (2 * count)) / shrink;
  const double half =
      kZ / shrink * std::sqrt(share * (1 - share) / count + kZ * kZ / (4 * count * count));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace tilepool
