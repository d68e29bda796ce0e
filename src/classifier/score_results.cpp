#include "classifier/score_results.h"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "classifier/cell_lookup.h"
#include "classifier/cell_scorer.h"
#include "common/base/progress.h"
#include "common/run/cell_scores.h"

namespace tilepool {
namespace {

constexpr const char* kAttribute = "classifiers";
constexpr std::uint64_t kPiece = 65536;  ///< cells in memory at once: a chunk of results.h5

template <h5::Element T>
h5::Dataset add_column(h5::File& file, const char* name, std::uint64_t rows,
                       const char* description) {
  h5::Dataset column = file.create_dataset<T>(
      name, {rows}, h5::column_layout(rows, kPiece, {h5::FilterKind::kGzip, 1}));
  column.set_text("unit", "1");
  column.set_text("description", description);
  return column;
}

void count(std::span<const std::uint8_t> classes, std::span<const std::uint8_t> decisions,
           std::uint8_t class_index, SlideScores& scores) {
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] != class_index) continue;
    ++scores.n_cells;
    scores.n_yes += decisions[i] == kYes ? 1 : 0;
  }
}

}  // namespace

std::string classifiers_text(std::span<const StoredModel> models) {
  if (models.empty()) return "";
  auto list = nlohmann::ordered_json::array();
  for (const StoredModel& one : models)
    list.push_back(
        {{"class", one.model.class_name}, {"model", one.hash}, {"threshold", one.model.threshold}});
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string classifiers_of(const std::filesystem::path& results_file) {
  const h5::File file = h5::File::open(results_file);
  return file.has_attribute(kAttribute) ? file.text(kAttribute) : "";
}

std::vector<SlideScores> score_results(const std::filesystem::path& results_file,
                                       std::span<const StoredModel> models, int threads) {
  h5::File file = h5::File::open_to_write(results_file);
  std::vector<SlideScores> sums;
  {
    const ResultsReader results(results_file);
    std::vector<CellScorer> scorers;
    for (const StoredModel& one : models) {
      scorers.emplace_back(results, one.model, one.model.class_name, threads);
      sums.push_back({one.model.class_name});
    }
    const std::uint64_t n = results.n_cells();
    h5::Dataset score = add_column<float>(
        file, "cells/score", n, "a classifier's probability of yes; NaN: none for the class");
    h5::Dataset decision =
        add_column<std::uint8_t>(file, "cells/decision", n, "1 yes, 0 no, 255 no classifier");
    for (std::uint64_t first = 0; first < n; first += kPiece) {
      const auto classes =
          results.rows<std::uint8_t>("cells/class", first, std::min(kPiece, n - first));
      std::vector<float> scores(classes.size(), std::numeric_limits<float>::quiet_NaN());
      std::vector<std::uint8_t> decisions(classes.size(), kUnscored);
      for (std::size_t i = 0; i < scorers.size(); ++i) {
        scorers[i].score(first, classes, scores, decisions);
        count(classes, decisions, class_index_of(results, sums[i].id), sums[i]);
      }
      score.write(first, std::span<const float>(scores));
      decision.write(first, std::span<const std::uint8_t>(decisions));
      note_progress();
    }
    score.close();
    decision.close();
  }
  file.set_text(kAttribute, classifiers_text(models));
  file.close();
  return sums;
}

}  // namespace tilepool
