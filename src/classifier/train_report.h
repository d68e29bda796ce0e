#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "classifier/evaluation.h"
#include "classifier/model_file.h"
#include "labels/agreement.h"

namespace tilepool {

/// A label file that went in.
struct LabelSource {
  std::string name, annotator;
  std::string hash;  ///< 16 hex digits: XXH3-64 of its bytes
  std::uint64_t n_labels = 0;
  bool names_pipeline = false;  ///< the older forms may not
};

/// Labels of one slide, and how many of them a model called right that had not seen them.
struct SlideLabels {
  std::string id;
  std::uint64_t n_yes = 0, n_no = 0, n_right = 0;
};

/// All that training found out: what the page, the terminal, --json and the model file tell.
struct TrainReport {
  Model model;
  Evaluation evaluation;
  std::vector<LabelSource> sources;
  Verdicts verdicts;
  std::vector<Agreement> agreements;                     ///< of each pair of annotators
  std::map<std::uint64_t, std::string> disputed_slides;  ///< slide id of each cell disagreed upon
  std::vector<SlideLabels> slides;                       ///< those with labels, in order of id
  std::vector<double> gain;         ///< share of the gain of all splits, by feature of the model
  std::vector<std::string> missed;  ///< gates, see missed_gates()
};

/// One HTML file, offline, without script.
[[nodiscard]] std::string model_page(const TrainReport& report);
/// A sentence when its accuracy is no better than one answer for all labels, else empty.
[[nodiscard]] std::string accuracy_note(const Evaluation& evaluation);
/// For a terminal.
[[nodiscard]] std::string train_text(const TrainReport& report);
/// "metrics" and "labels" of the model file as JSON texts; docs/labels.md lists the keys.
[[nodiscard]] std::string metrics_json(const TrainReport& report);
[[nodiscard]] std::string labels_json(const TrainReport& report);

}  // namespace tilepool
