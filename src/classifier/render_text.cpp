#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "classifier/train_report.h"
#include "report/html.h"
#include "report/text_table.h"

namespace tilepool {
namespace {

using Json = nlohmann::ordered_json;

std::string shown(double value) {
  return std::isnan(value) ? "undefined" : fmt::format("{:.3f}", value);
}

/// NaN has no form in JSON.
Json number(double value) { return std::isnan(value) ? Json(nullptr) : Json(value); }

std::string gate_of(std::size_t metric) {
  for (const Gate& gate : kGates)
    if (static_cast<std::size_t>(gate.metric) == metric) return fmt::format("{:.2f}", gate.least);
  return "";
}

std::string left_out(const Verdicts& verdicts) {
  std::string text;
  if (verdicts.n_unsure > 0) text += fmt::format(", {} unsure left out", verdicts.n_unsure);
  if (verdicts.n_tied > 0) text += fmt::format(", {} tied left out", verdicts.n_tied);
  return text;
}

}  // namespace

std::string accuracy_note(const Evaluation& evaluation) {
  const double accuracy = value_of(evaluation.values, Metric::kAccuracy);
  const double constant = constant_accuracy(evaluation.confusion);
  if (accuracy > constant) return "";
  return fmt::format(
      "accuracy {:.3f} is no better than the same answer for every cell, which is right on {:.3f} "
      "of the labels: judge the model by its area under the ROC curve, and label more of the rarer "
      "kind",
      accuracy, constant);
}

std::string train_text(const TrainReport& report) {
  const Evaluation& evaluation = report.evaluation;
  std::string text = fmt::format(
      "{} of class {}: {} yes and {} no on {}{}\njudged on what it had not seen, {} parted by {} "
      "in {} folds; score >= {:.2f} is yes{}\n\n",
      word_of(report.model.recipe.kind), report.model.class_name, report.verdicts.n_yes,
      report.verdicts.n_no, counted(report.slides.size(), "slide"), left_out(report.verdicts),
      counted(evaluation.n_groups, word_of(evaluation.grouping)), word_of(evaluation.grouping),
      evaluation.folds, report.model.threshold,
      evaluation.threshold_counts ? ", so that as many are called yes as are" : "");
  using Align = TextTable::Align;
  TextTable table({{"", Align::kLeft},
                   {"value", Align::kRight},
                   {"95 % interval", Align::kRight},
                   {"gate", Align::kRight}});
  for (std::size_t i = 0; i < kMetrics; ++i)
    table.add({std::string(kMetricTitles[i]), shown(evaluation.values[i]),
               fmt::format("{} .. {}", shown(evaluation.intervals[i].low),
                           shown(evaluation.intervals[i].high)),
               gate_of(i)});
  text += table.text() + "\n";
  for (const Agreement& pair : report.agreements)
    text += fmt::format("{} and {}: kappa {} on {}, {} differ\n", pair.first, pair.second,
                        shown(pair.kappa), counted(pair.n_both, "cell"), pair.disagreements.size());
  return text;
}

std::string metrics_json(const TrainReport& report) {
  const Evaluation& evaluation = report.evaluation;
  Json document = {{"grouping", word_of(evaluation.grouping)},
                   {"groups", evaluation.n_groups},
                   {"folds", evaluation.folds}};
  for (std::size_t i = 0; i < kMetrics; ++i)
    document[std::string(kMetricKeys[i])] = {{"value", number(evaluation.values[i])},
                                             {"low", number(evaluation.intervals[i].low)},
                                             {"high", number(evaluation.intervals[i].high)}};
  const Confusion& confusion = evaluation.confusion;
  const auto whole = [](double count) { return static_cast<std::uint64_t>(count); };
  document["confusion"] = {{"true_yes", whole(confusion.true_yes)},
                           {"false_yes", whole(confusion.false_yes)},
                           {"true_no", whole(confusion.true_no)},
                           {"false_no", whole(confusion.false_no)}};
  document["missed_gates"] = report.missed;
  return document.dump();
}

std::string labels_json(const TrainReport& report) {
  Json files = Json::array();
  for (const LabelSource& source : report.sources)
    files.push_back({{"name", source.name},
                     {"annotator", source.annotator},
                     {"labels", source.n_labels},
                     {"hash", source.hash}});
  Json agreement = Json::array();
  for (const Agreement& pair : report.agreements)
    agreement.push_back({{"first", pair.first},
                         {"second", pair.second},
                         {"both", pair.n_both},
                         {"equal", pair.n_equal},
                         {"kappa", number(pair.kappa)}});
  const Json document = {{"yes", report.verdicts.n_yes},
                         {"no", report.verdicts.n_no},
                         {"unsure", report.verdicts.n_unsure},
                         {"tied", report.verdicts.n_tied},
                         {"slides", report.slides.size()},
                         {"files", files},
                         {"agreement", agreement}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tilepool
