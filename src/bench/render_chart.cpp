#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "bench/render.h"
#include "bench/summary.h"
#include "report/html.h"

namespace tilepool {
namespace {

constexpr double kWidth = 1000, kBarHeight = 16, kRowHeight = 26;  ///< SVG units
constexpr double kLabelWidth = 240, kValueWidth = 150;
constexpr double kLongest = kWidth - kLabelWidth - kValueWidth;
constexpr double kShortest = 2;

bool drawable(double mpx_s) { return std::isfinite(mpx_s) && mpx_s > 0; }

const char* class_of(BenchBar::Kind kind) {
  switch (kind) {
    case BenchBar::Kind::kFile:
      return "file";
    case BenchBar::Kind::kLimit:
      return "limit";
    case BenchBar::Kind::kSource:
      return "source";
    case BenchBar::Kind::kJob:
      return "job";
  }
  return "";
}

/// Where the scale ends; 0: there is nothing to draw.
double scale_end(const std::vector<BenchBar>& bars) {
  double end = 0;
  double any = 0;
  for (const BenchBar& bar : bars) {
    if (!drawable(bar.mpx_s)) continue;
    any = std::max(any, bar.mpx_s);
    if (bar.kind != BenchBar::Kind::kFile) end = std::max(end, bar.mpx_s);
  }
  return end > 0 ? end : any;
}

std::string row(const BenchBar& bar, double end, double top) {
  const bool drawn = drawable(bar.mpx_s);
  const bool cut = drawn && bar.mpx_s > end;
  const double length = drawn ? std::max(kShortest, kLongest * std::min(1.0, bar.mpx_s / end)) : 0;
  std::string svg = fmt::format(
      "<g><title>{}: {} Mpx/s</title><text x=\"{:.0f}\" y=\"{:.1f}\" class=\"right\">{}"
      "</text>",
      escape_html(bar.label + (bar.detail.empty() ? "" : ", " + bar.detail)),
      significant(bar.mpx_s), kLabelWidth - 10, top + 13, escape_html(bar.label));
  if (drawn)
    svg += fmt::format(
        "<rect class=\"{}\" x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\"/>",
        class_of(bar.kind), kLabelWidth, top, length, kBarHeight);
  return svg + fmt::format("<text class=\"value\" x=\"{:.1f}\" y=\"{:.1f}\">{}{}</text></g>\n",
                           kLabelWidth + length + 8, top + 13,
                           drawn ? significant(bar.mpx_s) : std::string("not known"),
                           cut ? " (off the scale)" : "");
}

void add_rates(std::vector<BenchBar>& bars, const std::vector<ThreadRate>& rates,
               const std::string& name, BenchBar::Kind kind) {
  for (const ThreadRate& rate : rates)
    bars.push_back(
        {fmt::format("{}, {}", name, counted(static_cast<std::uint64_t>(rate.threads), "thread")),
         "", rate.mpx_s, kind});
}

}  // namespace

std::vector<BenchBar> bench_bars(const BenchFigures& figures) {
  const BenchSummary summary = summarise(figures);
  std::vector<BenchBar> bars;
  if (summary.file_mpx_s)
    bars.push_back(
        {"file system, in order", "one thread", *summary.file_mpx_s, BenchBar::Kind::kFile});
  add_rates(bars, summary.limit, "decode limit", BenchBar::Kind::kLimit);
  add_rates(bars, summary.direct, "direct source", BenchBar::Kind::kSource);
  add_rates(bars, summary.openslide, "OpenSlide", BenchBar::Kind::kSource);
  if (!summary.reads_directly && summary.direct.empty() &&
      most_threads_mpx_s(summary.reading) != most_threads_mpx_s(summary.openslide))
    add_rates(bars, summary.reading, "each as a run does", BenchBar::Kind::kSource);
  if (figures.job.problem.empty())
    bars.push_back({fmt::format("the job, {}",
                                counted(static_cast<std::uint64_t>(figures.job.threads), "thread")),
                    figures.job.device, figures.job.mpx_s, BenchBar::Kind::kJob});
  return bars;
}

std::string bench_chart(const std::vector<BenchBar>& bars) {
  if (bars.empty()) return "";
  const double end = scale_end(bars);
  std::string svg = fmt::format(
      "<div class=\"wide\"><svg class=\"chart bars\" role=\"img\" aria-label=\"Rates in Mpx/s, the "
      "longest bar is {}\" viewBox=\"0 0 {:.0f} {:.0f}\">\n",
      significant(end), kWidth, kRowHeight * static_cast<double>(bars.size()));
  double top = 4;
  for (const BenchBar& bar : bars) {
    svg += row(bar, end, top);
    top += kRowHeight;
  }
  return svg + "</svg></div>\n";
}

}  // namespace tilepool
