#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "classifier/page_chart.h"
#include "classifier/train_report.h"
#include "common/base/text.h"
#include "report/html.h"
#include "report/page_parts.h"

namespace tilepool {
namespace {

constexpr std::size_t kShownFeatures = 20;
constexpr std::uint32_t kFewGroups = 5;  ///< below it the intervals say little

std::string shown(double value) {
  return std::isnan(value) ? "undefined" : fmt::format("{:.3f}", value);
}

std::string metric_figure(const Evaluation& evaluation, Metric metric) {
  const auto i = static_cast<std::size_t>(metric);
  return page_figure(shown(evaluation.values[i]), kMetricTitles[i],
                     fmt::format("95 %: {} to {}", shown(evaluation.intervals[i].low),
                                 shown(evaluation.intervals[i].high)));
}

std::string head(const TrainReport& report) {
  const Evaluation& evaluation = report.evaluation;
  const bool good = report.missed.empty();
  std::string html = fmt::format(
      "<header>\n<p class=\"kicker\">tilepool train</p>\n<h1>{} <span class=\"badge {}\">{}</span>"
      "</h1>\n<p class=\"lede\">Learned from {} yes and {} no on {}. Every number here is of "
      "labels "
      "that the model had not seen: {} in {} folds, each {} wholly in one of them.</p>\n",
      escape_html(report.model.class_name), good ? "good" : "bad",
      good ? "passes the gates" : "below the gates", grouped(report.verdicts.n_yes),
      grouped(report.verdicts.n_no), counted(report.slides.size(), "slide"),
      counted(evaluation.n_groups, word_of(evaluation.grouping)), evaluation.folds,
      word_of(evaluation.grouping));
  html += "<dl class=\"figures\">\n" + metric_figure(evaluation, Metric::kAccuracy) +
          metric_figure(evaluation, Metric::kPrecision) +
          metric_figure(evaluation, Metric::kRecall) + metric_figure(evaluation, Metric::kAuroc) +
          "</dl>\n<dl class=\"facts\">\n";
  html +=
      page_fact("Kind", word_of(report.model.recipe.kind)) +
      page_fact("Threshold",
                fmt::format("{:.2f}{}", report.model.threshold,
                            evaluation.threshold_counts ? ": as many are called yes as are" : "")) +
      page_fact("Seed", std::to_string(report.model.recipe.seed)) +
      page_fact("XGBoost", escape_html(report.model.xgboost_version)) +
      page_fact("Pipeline", "<code>" + escape_html(report.model.pipeline_id) + "</code>");
  return html + "</dl>\n";
}

/// What a reader must know before the numbers.
std::string warnings(const TrainReport& report) {
  std::vector<std::string> notes = report.missed;
  if (std::string note = accuracy_note(report.evaluation); !note.empty())
    notes.push_back(std::move(note));
  if (report.evaluation.grouping == Grouping::kTile)
    notes.emplace_back(
        "labels were parted by tile, not by slide: the same slide taught and judged. On a slide "
        "that "
        "it has not seen, expect less");
  if (report.evaluation.n_groups < kFewGroups)
    notes.push_back(
        fmt::format("only {} have labels: the intervals, which resample them, are too narrow",
                    counted(report.evaluation.n_groups, word_of(report.evaluation.grouping))));
  for (const LabelSource& source : report.sources)
    if (!source.names_pipeline)
      notes.push_back(source.name +
                      " does not say of which pipeline it is; that its cells are there is all that "
                      "could be checked");
  if (notes.empty()) return "";
  std::string html = "<div class=\"note\"><ul>\n";
  for (const std::string& note : notes) html += "<li>" + escape_html(note) + "</li>\n";
  return html + "</ul></div>\n";
}

std::string gate_cell(std::size_t metric, double value) {
  for (const Gate& gate : kGates)
    if (static_cast<std::size_t>(gate.metric) == metric)
      return fmt::format("<td>at least {:.2f} <span class=\"badge {}\">{}</span></td>", gate.least,
                         value >= gate.least ? "good" : "bad",
                         value >= gate.least ? "passed" : "missed");
  return "<td></td>";
}

std::string metrics_section(const Evaluation& evaluation) {
  std::string html =
      "<section><h2>Metrics</h2>\n<div class=\"wide\"><table><caption>Intervals by 1000 bootstrap "
      "resamplings of " +
      word_of(evaluation.grouping) +
      "s.</caption><thead><tr><th scope=\"col\">Metric</th><th scope=\"col\" class=\"n\">Value</th>"
      "<th scope=\"col\" class=\"n\">95 % interval</th><th scope=\"col\">Gate</th></tr></thead>\n"
      "<tbody>\n";
  for (std::size_t i = 0; i < kMetrics; ++i)
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{} to "
        "{}</td>{}</tr>\n",
        kMetricTitles[i], shown(evaluation.values[i]), shown(evaluation.intervals[i].low),
        shown(evaluation.intervals[i].high), gate_cell(i, evaluation.values[i]));
  return html + "</tbody></table></div></section>\n";
}

std::string confusion_section(const Confusion& confusion) {
  return fmt::format(
      "<section><h2>Confusion matrix</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">"
      "Labelled</th><th scope=\"col\" class=\"n\">Called yes</th><th scope=\"col\" "
      "class=\"n\">Called "
      "no</th></tr></thead>\n<tbody><tr><th scope=\"row\">yes</th><td class=\"n\">{:.0f}</td><td "
      "class=\"n\">{:.0f}</td></tr>\n<tr><th scope=\"row\">no</th><td class=\"n\">{:.0f}</td><td "
      "class=\"n\">{:.0f}</td></tr></tbody></table></div></section>\n",
      confusion.true_yes, confusion.false_no, confusion.false_yes, confusion.true_no);
}

std::string charts_section(const TrainReport& report) {
  const Evaluation& evaluation = report.evaluation;
  return "<section><h2>Scores</h2>\n<div class=\"plots\">\n<figure>" +
         precision_recall_chart(evaluation.sorted, report.model.threshold) +
         "<figcaption>Precision and recall at every threshold; the dot is the model's. Dashed: "
         "chance.</figcaption></figure>\n<figure>" +
         calibration_chart(calibration(evaluation.sorted)) +
         "<figcaption>Of labels scored alike, how many are yes, with 95 % intervals. Dashed: a "
         "score that "
         "is a probability. Both kinds weigh alike in training: where yes is rare, dots lie below "
         "it."
         "</figcaption></figure>\n</div></section>\n";
}

std::string features_section(const TrainReport& report) {
  std::vector<std::size_t> order(report.gain.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t i) { return report.gain[i]; });
  const std::size_t n = std::min(kShownFeatures, order.size());
  const double most = order.empty() ? 0 : report.gain[order[0]];
  std::vector<PageBar> bars;
  for (std::size_t i = 0; i < n; ++i) {
    const double share = report.gain[order[i]];
    const std::string& name = report.model.features[order[i]];
    bars.push_back({name, fmt::format("{}: {:.1f} %", name, 100 * share),
                    fmt::format("{:.1f} %", 100 * share), "gain", most > 0 ? share / most : 0});
  }
  return fmt::format(
             "<section><h2>Features</h2>\n<p class=\"caption\">Share of what all splits gained, "
             "{} of {}. Features that go together share it by chance.</p>\n",
             n, counted(order.size(), "feature")) +
         page_bars(bars, "Share of the gain by feature, largest first") + "</section>\n";
}

std::string slides_section(const std::vector<SlideLabels>& slides) {
  std::string html =
      "<section><h2>Slides</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Slide</th>"
      "<th scope=\"col\" class=\"n\">Yes</th><th scope=\"col\" class=\"n\">No</th><th "
      "scope=\"col\" "
      "class=\"n\">Called right</th></tr></thead>\n<tbody>\n";
  for (const SlideLabels& slide : slides)
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td></tr>\n",
        escape_html(slide.id), slide.n_yes, slide.n_no,
        percent(static_cast<double>(slide.n_right), static_cast<double>(slide.n_yes + slide.n_no)));
  return html + "</tbody></table></div></section>\n";
}

std::string disagreements(const TrainReport& report, const Agreement& pair) {
  if (pair.disagreements.empty()) return "";
  std::string html = fmt::format(
      "<details><summary>{} on which {} and {} differ</summary>\n<div class=\"wide\"><table><thead>"
      "<tr><th scope=\"col\">Cell</th><th scope=\"col\">Slide</th><th scope=\"col\">{}</th><th "
      "scope=\"col\">{}</th></tr></thead>\n<tbody>\n",
      counted(pair.disagreements.size(), "cell"), escape_html(pair.first), escape_html(pair.second),
      escape_html(pair.first), escape_html(pair.second));
  for (const Disagreement& one : pair.disagreements)
    html += fmt::format(
        "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        uid_text(one.uid), escape_html(report.disputed_slides.at(one.uid)), word_of(one.first),
        word_of(one.second));
  return html + "</tbody></table></div></details>\n";
}

std::string annotators_section(const TrainReport& report) {
  std::string html = "<section><h2>Labels</h2>\n<dl class=\"facts\">\n";
  html += page_fact("Yes", grouped(report.verdicts.n_yes)) +
          page_fact("No", grouped(report.verdicts.n_no)) +
          page_fact("Unsure, left out", grouped(report.verdicts.n_unsure)) +
          page_fact("Tied, left out", grouped(report.verdicts.n_tied)) +
          "</dl>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">File</th><th "
          "scope=\"col\">Annotator</th><th scope=\"col\" class=\"n\">Labels</th><th "
          "scope=\"col\">Hash (XXH3)</th></tr></thead>\n<tbody>\n";
  for (const LabelSource& source : report.sources)
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"n\">{}</td><td><code>{}</code></td>"
        "</tr>\n",
        escape_html(source.name), escape_html(source.annotator), grouped(source.n_labels),
        source.hash);
  html += "</tbody></table></div>\n";
  for (const Agreement& pair : report.agreements)
    html += fmt::format(
                "<h3>{} and {}</h3>\n<p>{} labelled by both, {} alike: Cohen's kappa {}."
                "</p>\n",
                escape_html(pair.first), escape_html(pair.second), counted(pair.n_both, "cell"),
                percent(static_cast<double>(pair.n_equal), static_cast<double>(pair.n_both)),
                shown(pair.kappa)) +
            disagreements(report, pair);
  return html + "</section>\n";
}

}  // namespace

std::string model_page(const TrainReport& report) {
  return page_opening(
             "classifier of " + report.model.class_name,
             model_chart_style() + "table{max-width:720px}\n.facts+.wide{margin-top:16px}\n") +
         head(report) + warnings(report) + "</header>\n<main>\n" +
         metrics_section(report.evaluation) + charts_section(report) +
         confusion_section(report.evaluation.confusion) + features_section(report) +
         slides_section(report.slides) + annotators_section(report) + "</main>\n</body>\n</html>\n";
}

}  // namespace tilepool
