#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "classifier/metrics.h"

namespace tilepool {

/// Style of the charts below.
[[nodiscard]] std::string model_chart_style();
/// The precision-recall curve as SVG: a step function, the point of `threshold`, and a line at the
/// share of yes among the labels, which is the precision of chance.
[[nodiscard]] std::string precision_recall_chart(std::span<const ScoredLabel> sorted,
                                                 double threshold);
/// The reliability diagram as SVG: of each bin the share of yes with its Wilson interval against
/// the mean score, the diagonal of a calibrated model, and how many labels each bin holds as bars
/// below.
[[nodiscard]] std::string calibration_chart(const std::array<CalibrationBin, 10>& bins);

}  // namespace tilepool
