#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/cohort_survey.h"
#include "report/html.h"
#include "report/page.h"

namespace tilepool {
namespace {

constexpr std::size_t kBars = 60;
constexpr double kWidth = 480, kBarsHeight = 24, kHeight = 38;  ///< of a chart, SVG units
constexpr double kBoxTop = 27, kBoxHeight = 8;

/// One measure of one group.
struct Row {
  std::string group;  ///< HTML
  Spread spread;
  std::vector<std::uint64_t> bars;
};

/// One measure of all groups: what a table shows, with one axis from 0 to `top`.
struct Measure {
  std::string title, caption;  ///< HTML
  std::string count_title;     ///< what Spread::n counts
  double top = 1;
  std::vector<Row> rows;
};

std::string group_name(const CohortSurvey& survey, std::size_t index) {
  if (survey.n_groups_joined > 0 && index + 1 == survey.groups.size())
    return fmt::format("<em>{} other groups</em>", survey.n_groups_joined);
  if (!survey.groups[index].name.empty()) return escape_html(survey.groups[index].name);
  return survey.groups.size() == 1 ? "<em>all slides</em>" : "<em>no group</em>";
}

/// Where an axis ends: above 95 % of the values of the widest group.
double axis_end(const std::vector<Row>& rows) {
  double most = 0;
  for (const Row& row : rows) most = std::max(most, row.spread.n > 0 ? row.spread.p95 : 0.0);
  if (!(most > 0)) return 1;
  const double step = nice_step(most, 4);
  return step * std::ceil(most / step);
}

/// `values_of(group)` gives KeptValues or CountedValues.
template <class ValuesOf>
Measure make_measure(const CohortSurvey& survey, const char* count_title, ValuesOf values_of) {
  Measure measure;
  measure.count_title = count_title;
  for (std::size_t i = 0; i < survey.groups.size(); ++i)
    measure.rows.push_back({group_name(survey, i), values_of(survey.groups[i]).spread(), {}});
  measure.top = axis_end(measure.rows);
  for (std::size_t i = 0; i < survey.groups.size(); ++i)
    measure.rows[i].bars = values_of(survey.groups[i]).bars(measure.top, kBars);
  return measure;
}

/// Bars above, below them a box from quartile to quartile on a line from 5 to 95 %.
std::string row_chart(const Row& row, double top) {
  const Spread& s = row.spread;
  const auto x = [&](double value) { return kWidth * std::min(1.0, value / top); };
  const std::uint64_t most = *std::max_element(row.bars.begin(), row.bars.end());
  std::string path = fmt::format("M0 {:.0f}", kBarsHeight);
  for (std::size_t i = 0; i < kBars; ++i)
    path += fmt::format(
        "V{:.1f}H{:.0f}",
        kBarsHeight * (1 - static_cast<double>(row.bars[i]) / static_cast<double>(most)),
        kWidth / kBars * static_cast<double>(i + 1));
  const double middle = kBoxTop + kBoxHeight / 2;
  return fmt::format(
      "<svg class=\"spread\" role=\"img\" aria-label=\"median {}, half of the values from {} to "
      "{}\" viewBox=\"-2 0 {} {}\"><path class=\"area\" d=\"{}V{:.0f}z\"/>"
      "<path class=\"whisker\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>"
      "<rect class=\"box\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>"
      "<path class=\"median\" d=\"M{:.1f} {}v{}\"/></svg>",
      significant(s.median), significant(s.q1), significant(s.q3), kWidth + 4, kHeight, path,
      kBarsHeight, x(s.p5), middle, x(s.p95), x(s.q1), kBoxTop, x(s.q3) - x(s.q1), kBoxHeight,
      x(s.median), kBoxTop - 2, kBoxHeight + 4);
}

std::string axis(double top) {
  std::string svg = fmt::format(
      "<svg class=\"spread\" aria-hidden=\"true\" viewBox=\"-2 0 {} 18\"><path class=\"whisker\" "
      "d=\"M0 .5H{}",
      kWidth + 4, kWidth);
  std::string labels;
  const double step = nice_step(top, 4);
  const int parts = static_cast<int>(std::lround(top / step));
  for (int i = 0; i <= parts; ++i) {
    const double x = kWidth * i / parts;
    svg += fmt::format("M{:.1f} .5v4", x);
    labels += fmt::format("<text x=\"{:.1f}\" y=\"15\" class=\"{}\">{}</text>", x,
                          i == 0       ? "left"
                          : i == parts ? "right"
                                       : "middle",
                          significant(step * i));
  }
  return svg + "\"/>" + labels + "</svg>";
}

std::string number(double value) {
  return fmt::format("<td class=\"n\" data-v=\"{:.9g}\">{}</td>", value, significant(value));
}

std::string table_row(const Row& row, double top) {
  const Spread& s = row.spread;
  std::string html =
      fmt::format("<tr><th scope=\"row\">{}</th><td class=\"n\" data-v=\"{}\">{}</td>", row.group,
                  s.n, grouped(s.n));
  if (s.n == 0) return html + "<td class=\"shape\">none</td><td></td><td></td><td></td></tr>\n";
  html += "<td class=\"shape\">" + row_chart(row, top) + "</td>";
  return html + number(s.q1) + number(s.median) + number(s.q3) + "</tr>\n";
}

std::string measure_table(const Measure& measure) {
  std::string html = fmt::format(
      "<h3>{}</h3>\n<div class=\"wide\"><table class=\"spreads\"><caption>{}</caption><thead><tr>"
      "<th scope=\"col\">Group</th><th scope=\"col\" class=\"n\">{}</th><th scope=\"col\">"
      "Distribution</th><th scope=\"col\" class=\"n\">Lower quartile</th><th scope=\"col\" "
      "class=\"n\">Median</th><th scope=\"col\" class=\"n\">Upper quartile</th></tr></thead>\n"
      "<tbody>\n",
      measure.title, measure.caption, measure.count_title);
  for (const Row& row : measure.rows) html += table_row(row, measure.top);
  const bool empty = std::all_of(measure.rows.begin(), measure.rows.end(),
                                 [](const Row& row) { return row.spread.n == 0; });
  if (empty) return html + "</tbody></table></div>\n";
  return html + "</tbody><tfoot aria-hidden=\"true\"><tr><td></td><td></td><td class=\"shape\">" +
         axis(measure.top) + "</td><td></td><td></td><td></td></tr></tfoot></table></div>\n";
}

/// What a classifier says of the cells of class `c`; empty where none knows them.
std::string classifier_table(const CohortSurvey& survey, std::size_t c) {
  if (std::ranges::none_of(survey.groups,
                           [c](const SlideGroup& group) { return group.classes[c].n_scored > 0; }))
    return "";
  std::string html = fmt::format(
      "<h3>{}: the classifier's decision</h3>\n<div class=\"wide\"><table class=\"decisions\">"
      "<thead><tr><th scope=\"col\">Group</th><th scope=\"col\" class=\"n\">Cells</th><th "
      "scope=\"col\" class=\"n\">Yes</th><th scope=\"col\" class=\"n\">Share</th></tr></thead>"
      "\n<tbody>\n",
      escape_html(survey.classes[c]));
  for (std::size_t i = 0; i < survey.groups.size(); ++i) {
    const GroupClass& cells = survey.groups[i].classes[c];
    html += fmt::format(
        "<tr><th scope=\"row\">{0}</th><td class=\"n\" data-v=\"{1}\">{2}</td><td class=\"n\" "
        "data-v=\"{3}\">{4}</td><td class=\"n\">{5}</td></tr>\n",
        group_name(survey, i), cells.n_scored, grouped(cells.n_scored), cells.n_yes,
        grouped(cells.n_yes),
        percent(static_cast<double>(cells.n_yes), static_cast<double>(cells.n_scored)));
  }
  return html + "</tbody></table></div>\n";
}

std::string class_tables(const CohortSurvey& survey, std::size_t c) {
  const std::string name = escape_html(survey.classes[c]);
  Measure per_tile = make_measure(
      survey,
      "Tiles", [c](const SlideGroup& group) -> const auto& { return group.classes[c].per_tile; });
  per_tile.title = name + (survey.per_mm2 ? ": cells per mm² of tissue" : ": cells per tile");
  per_tile.caption = survey.per_mm2 ? "Of each sampled tile that is done: its cells over its own "
                                      "tissue."
                                    : "Of each sampled tile that is done; not per mm², as a slide "
                                      "has no µm/px.";
  std::string html = measure_table(per_tile) + classifier_table(survey, c);
  if (!survey.has_areas) return html;
  Measure area = make_measure(
      survey,
      "Cells", [c](const SlideGroup& group) -> const auto& { return group.classes[c].area_um2; });
  area.title = name + ": area of a cell, µm²";
  area.caption = "Counted in narrow bins: quartiles are exact to 0.2 %.";
  return html + measure_table(area);
}

std::string tissue_tables(const CohortSurvey& survey) {
  Measure fraction = make_measure(
      survey, "Tiles",
      [](const SlideGroup& group) -> const auto& { return group.tissue_fraction; });
  fraction.title = "Tissue in a sampled tile";
  fraction.caption = "Share of the tile's area, 0 to 1.";
  Measure pooled = make_measure(
      survey, "Slides", [](const SlideGroup& group) -> const auto& { return group.pooled; });
  pooled.title = "Tiles with tissue on a slide";
  pooled.caption = "Tiles in the pool, of each slide that has any.";
  return measure_table(fraction) + measure_table(pooled);
}

}  // namespace

std::string page_groups(const RunView& view, const CohortSurvey& survey) {
  std::string html = "<section id=\"groups\"><h2>Groups</h2>\n";
  if (view.plan == nullptr) return html + "<p>Nothing is sampled yet.</p></section>\n";
  html +=
      "<p class=\"caption\">Bars: how many values lie where, the highest of a row at full height; "
      "what lies beyond the axis is in the last one. Box: from quartile to quartile, with the "
      "median; line: from 5 to 95 %.</p>\n";
  if (view.segments() && survey.classes.empty())
    html += "<p>Cells by class are shown when results.h5 has been written.</p>\n";
  for (std::size_t c = 0; c < survey.classes.size(); ++c) html += class_tables(survey, c);
  return html + tissue_tables(survey) + "</section>\n";
}

}  // namespace tilepool
