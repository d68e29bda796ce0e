#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "bench/render.h"
#include "bench/summary.h"
#include "report/html.h"
#include "report/page_parts.h"

namespace tilepool {
namespace {

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

PageBar bar_of(const BenchBar& bar, double end) {
  const bool drawn = drawable(bar.mpx_s);
  const std::string rate = significant(bar.mpx_s);
  PageBar shown{.label = bar.label,
                .title = fmt::format("{}{}{}: {} Mpx/s", bar.label, bar.detail.empty() ? "" : ", ",
                                     bar.detail, rate),
                .value = drawn ? rate : "not known",
                .style_class = class_of(bar.kind),
                .share = drawn ? bar.mpx_s / end : 0};
  if (drawn && bar.mpx_s > end) shown.value += " (off the scale)";
  return shown;
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
  const double end = scale_end(bars);
  std::vector<PageBar> shown;
  shown.reserve(bars.size());
  for (const BenchBar& bar : bars) shown.push_back(bar_of(bar, end));
  return page_bars(shown, fmt::format("Rates in Mpx/s, the longest bar is {}", significant(end)));
}

}  // namespace tilepool
