#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "common/base/units.h"
#include "report/html.h"
#include "report/page.h"

namespace tilepool {
namespace {

constexpr std::size_t kBins = 80;
constexpr std::size_t kMostRanks = 32;
constexpr double kWidth = 1000, kHeight = 180;  ///< of the plot, SVG units
constexpr double kLeft = 56, kTop = 12, kBottom = 28;

/// Steps of clock time that read well.
double nice_seconds(double range) {
  constexpr double kSteps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                               600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
  for (const double step : kSteps)
    if (range / step <= 8) return step;
  return nice_step(range / 86400, 8) * 86400;
}

std::string short_time(double seconds) {
  const auto s = static_cast<long long>(std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600)
    return s % 60 == 0 ? fmt::format("{} min", s / 60)
                       : fmt::format("{}:{:02} min", s / 60, s % 60);
  return s % 3600 == 0 ? fmt::format("{} h", s / 3600)
                       : fmt::format("{}:{:02} h", s / 3600, s % 3600 / 60);
}

/// Bars without gaps, as one path that starts and ends on the base line.
std::string area(const std::vector<double>& rates, double top, double width, double height) {
  std::string path = fmt::format("M0 {:.1f}", height);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const double x1 = width * static_cast<double>(i + 1) / static_cast<double>(rates.size());
    path += fmt::format("V{:.1f}H{:.1f}", height - height * std::min(1.0, rates[i] / top), x1);
  }
  return path + fmt::format("V{:.1f}z", height);
}

std::string grid_lines(double top, double end_s) {
  std::string svg;
  const double step = nice_step(top, 4);
  for (int i = 0; step * i <= top * 1.0001; ++i) {
    const double y = kHeight - kHeight * step * i / top;
    svg += fmt::format(
        "<path class=\"rule\" d=\"M0 {:.1f}H{:.0f}\"/><text x=\"-8\" y=\"{:.1f}\" "
        "class=\"right\">{:.3g}</text>",
        y, kWidth, y + 4, step * i);
  }
  const double step_s = nice_seconds(end_s);
  for (int i = 0; step_s * i <= end_s; ++i)
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" class=\"middle\">{}</text>",
                       kWidth * step_s * i / end_s, kHeight + 20, short_time(step_s * i));
  return svg;
}

std::string resumptions(const EventHistory& history) {
  std::string svg;
  for (std::size_t i = 1; i < history.attempt_begins.size(); ++i)
    svg += fmt::format(
        "<path class=\"resume\" d=\"M{0:.1f} 0V{1:.0f}\"><title>resumed</title>"
        "</path>",
        kWidth * history.attempt_begins[i] / history.end_s, kHeight);
  return svg;
}

std::string total_chart(const EventHistory& history) {
  const std::vector<double> rates = tile_rates(history, -1, kBins);
  const double most = *std::max_element(rates.begin(), rates.end());
  const double step = nice_step(most, 4);
  const double top = step * std::ceil(most / step);
  return fmt::format(
             "<div class=\"wide\"><svg class=\"chart\" role=\"img\" aria-label=\"Tiles per second "
             "over {}, at most {}\" viewBox=\"{} {} {} {}\"><g>",
             short_time(history.end_s), significant(most), -kLeft, -kTop, kWidth + kLeft + 24,
             kHeight + kTop + kBottom) +
         fmt::format("<path class=\"area\" d=\"{}\"/>", area(rates, top, kWidth, kHeight)) +
         grid_lines(top, history.end_s) + resumptions(history) + "</g></svg></div>\n";
}

/// Ranks that committed, those with the most tiles first where there are too many, else by number.
std::vector<int> shown_ranks(const EventHistory& history) {
  std::map<int, double> tiles;
  for (const CommitEvent& commit : history.commits) tiles[commit.rank] += commit.tiles;
  std::vector<int> ranks;
  ranks.reserve(tiles.size());
  for (const auto& [rank, n] : tiles) ranks.push_back(rank);
  if (ranks.size() > kMostRanks) {
    std::stable_sort(ranks.begin(), ranks.end(), [&](int a, int b) { return tiles[a] > tiles[b]; });
    ranks.resize(kMostRanks);
    std::sort(ranks.begin(), ranks.end());
  }
  return ranks;
}

std::string host_of(const RunView& view, int rank) {
  if (!view.status) return "";
  for (const RankStatus& status : view.status->ranks)
    if (status.rank == rank) return status.host;
  return "";
}

std::string rank_charts(const RunView& view, const EventHistory& history) {
  const std::vector<int> ranks = shown_ranks(history);
  std::vector<std::vector<double>> rates;
  double most = 0;
  for (const int rank : ranks) {
    rates.push_back(tile_rates(history, rank, kBins));
    most = std::max(most, *std::max_element(rates.back().begin(), rates.back().end()));
  }
  std::string html = fmt::format(
      "<h3>Each rank</h3>\n<p class=\"caption\">The same time from left to right; a full row is {} "
      "tiles/s{}.</p>\n<div class=\"strips\">\n",
      significant(most), ranks.size() == kMostRanks ? "; the 32 ranks with the most tiles" : "");
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    double tiles = 0;
    for (const CommitEvent& commit : history.commits)
      tiles += commit.rank == ranks[i] ? commit.tiles : 0;
    const double mean = tiles / history.end_s;
    html += fmt::format(
        "<div><span>rank {} <small>{}</small></span><svg viewBox=\"0 0 1000 100\" "
        "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"rank {}: {} tiles per second on "
        "average\"><path class=\"area\" d=\"{}\"/><path class=\"rule\" d=\"M0 100H1000\"/></svg>"
        "<span class=\"n\">{} tiles/s</span></div>\n",
        ranks[i], escape_html(host_of(view, ranks[i])), ranks[i], significant(mean),
        area(rates[i], most, 1000, 100), significant(mean));
  }
  return html + "</div>\n";
}

}  // namespace

double nice_step(double range, double parts) {
  const double raw = range / parts;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

std::string page_chart(const RunView& view, const EventHistory& history) {
  std::string html = "<section id=\"throughput\"><h2>Throughput</h2>\n";
  if (history.commits.empty() || !(history.end_s > 0))
    return html + "<p>events.jsonl tells of no committed tile.</p></section>\n";
  html += fmt::format(
      "<p class=\"caption\">Tiles per second over the time the run was up{}. A commit's tiles are "
      "spread over the time since the same rank's commit before.</p>\n",
      history.attempt_begins.size() > 1 ? ", attempts one after the other (dashed: resumed)" : "");
  return html + total_chart(history) + rank_charts(view, history) + "</section>\n";
}

}  // namespace tilepool
