#include "classifier/page_chart.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/html.h"

namespace tilepool {
namespace {

constexpr double kEdge = 320, kLeft = 58, kTop = 12, kRight = 16, kBottom = 46;  ///< SVG units
constexpr double kBars = 54;  ///< height of the bars below a plot

double x_of(double share) { return kEdge * share; }
double y_of(double share) { return kEdge * (1 - share); }

std::string opening(const std::string& summary, double below) {
  return fmt::format(
      "<svg class=\"plot\" role=\"img\" aria-label=\"{}\" viewBox=\"{} {} {} {}\"><g>\n",
      escape_html(summary), -kLeft, -kTop, kEdge + kLeft + kRight, kEdge + kTop + kBottom + below);
}

/// Lines at each fifth, their numbers, and what the axes tell.
std::string axes(const std::string& across, const std::string& up) {
  std::string svg;
  for (int i = 0; i <= 5; ++i) {
    const double share = i / 5.0;
    svg += fmt::format(
        "<path class=\"rule\" d=\"M0 {1:.1f}H{2:.0f}M{3:.1f} 0V{2:.0f}\"/><text x=\"-8\" "
        "y=\"{4:.1f}\" class=\"right\">{0:.1f}</text><text x=\"{3:.1f}\" y=\"{5:.0f}\" "
        "class=\"middle\">{0:.1f}</text>\n",
        share, y_of(share), kEdge, x_of(share), y_of(share) + 4, kEdge + 18);
  }
  return svg + fmt::format(
                   "<text x=\"{0:.0f}\" y=\"{1:.0f}\" class=\"middle\">{2}</text><text "
                   "transform=\"translate({3:.0f} {0:.0f}) rotate(-90)\" "
                   "class=\"middle\">{4}</text>\n",
                   kEdge / 2, kEdge + 38, across, -kLeft + 16, up);
}

std::string dot(double across, double up, const std::string& title) {
  return fmt::format(
      "<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"><title>{}</title></circle>\n",
      x_of(across), y_of(up), escape_html(title));
}

/// The precision of a recall holds back to the recall before it: a step, no slope.
std::string step_path(const std::vector<PrecisionRecall>& curve) {
  std::string path = fmt::format("M0 {:.1f}", y_of(curve.front().precision));
  for (const PrecisionRecall& point : curve)
    path += fmt::format("V{:.1f}H{:.1f}", y_of(point.precision), x_of(point.recall));
  return path;
}

}  // namespace

std::string model_chart_style() {
  return R"css(
.plots{display:flex;flex-wrap:wrap;gap:8px 48px}
.plots figure{margin:0;flex:1 1 320px;max-width:460px}
.plots figcaption{color:var(--muted);font-size:13px}
.plot{display:block;width:100%}
.plot text{font-size:12px;fill:var(--muted)}
.plot .curve{fill:none;stroke:var(--accent);stroke-width:2;stroke-linejoin:round}
.plot .chance{fill:none;stroke:var(--ink);stroke-width:1;stroke-dasharray:4 3}
.plot .dot{fill:var(--accent);stroke:var(--ground);stroke-width:1.5}
.plot .whisker{fill:none;stroke:var(--accent);stroke-width:1.5;stroke-opacity:.6}
.plot .count,.bars .gain{fill:var(--accent)}
.plot .count{fill-opacity:.5}
)css";
}

std::string precision_recall_chart(std::span<const ScoredLabel> sorted, double threshold) {
  const std::vector<PrecisionRecall> curve = precision_recall(sorted);
  if (curve.empty()) return "";
  const double chance = curve.back().precision;
  std::string svg =
      opening(fmt::format("Precision against recall; chance has a precision of {:.2f}", chance),
              0) +
      axes("recall", "precision") +
      fmt::format("<path class=\"chance\" d=\"M0 {:.1f}H{:.0f}\"><title>chance</title></path>\n",
                  y_of(chance), kEdge) +
      fmt::format("<path class=\"curve\" d=\"{}\"/>\n", step_path(curve));
  const PrecisionRecall* at = nullptr;
  for (const PrecisionRecall& point : curve)
    if (static_cast<double>(point.score) >= threshold) at = &point;
  if (at != nullptr)
    svg += dot(at->recall, at->precision,
               fmt::format("threshold {:.2f}: precision {:.3f}, recall {:.3f}", threshold,
                           at->precision, at->recall));
  return svg + "</g></svg>\n";
}

std::string calibration_chart(const std::array<CalibrationBin, 10>& bins) {
  std::uint64_t most = 1;
  for (const CalibrationBin& bin : bins) most = std::max(most, bin.n);
  std::string svg =
      opening("Share of yes against score; a calibrated model follows the diagonal", kBars + 8) +
      axes("score", "share of yes") +
      fmt::format("<path class=\"chance\" d=\"M0 {0:.0f}L{0:.0f} 0\"/>\n", kEdge);
  const double base = kEdge + kBottom + kBars;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const CalibrationBin& bin = bins[i];
    if (bin.n == 0) continue;
    const std::string title = fmt::format(
        "scores {:.1f} to {:.1f}: {}, {:.0f} % of them yes", static_cast<double>(i) / 10,
        static_cast<double>(i + 1) / 10, counted(bin.n, "label"), 100 * bin.yes_share);
    const Interval share = wilson_interval(bin.yes_share, bin.n);
    svg += fmt::format("<path class=\"whisker\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n",
                       x_of(bin.mean_score), y_of(share.low), y_of(share.high)) +
           dot(bin.mean_score, bin.yes_share, title);
    const double height = kBars * static_cast<double>(bin.n) / static_cast<double>(most);
    svg += fmt::format(
        "<rect class=\"count\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
        "<title>{}</title></rect>\n",
        x_of(static_cast<double>(i) / 10) + 2, base - height, kEdge / 10 - 4, height, title);
  }
  return svg + fmt::format("<text x=\"-8\" y=\"{:.0f}\" class=\"right\">labels</text></g></svg>\n",
                           base - 2);
}

}  // namespace tilepool
