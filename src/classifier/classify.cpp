#include "classifier/classify.h"

#include <algorithm>
#include <limits>

#include "classifier/cell_scorer.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/run/cell_scores.h"
#include "common/run/layout.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kPiece = 1U << 17;  ///< cells in memory at once: two chunks of results.h5

/// Those of `names` that are not in `others`, as a list for a person; empty when all are.
std::string lacking(const std::vector<std::string>& names, const std::vector<std::string>& others) {
  std::string text;
  for (const std::string& name : names)
    if (std::ranges::find(others, name) == others.end())
      text += (text.empty() ? "" : ", ") + printable_utf8(name);
  return text;
}

void check_fit(const ResultsReader& results, const Model& model, const ClassifyRequest& request) {
  check_features(results.cell_features(), model, request.model);
  check(model.pipeline_id == results.pipeline_id() || request.any_pipeline, ErrorCode::kConfig,
        "{} is of pipeline {}, this run of {}: cells are found or measured in another way, which "
        "the model has not seen. Its features have the same names: --any-pipeline takes it all the "
        "same",
        request.model.string(), printable_utf8(model.pipeline_id), results.pipeline_id());
}

/// Counts the cells of each slide that have a score.
class SlideCounts {
 public:
  explicit SlideCounts(const ResultsReader& results) {
    slides_.reserve(results.slides().size());
    for (const ResultsSlide& slide : results.slides()) slides_.push_back({slide.id});
  }
  void add(std::uint64_t first, const std::vector<std::uint32_t>& slides,
           const std::vector<std::uint8_t>& decisions) {
    for (std::size_t i = 0; i < slides.size(); ++i) {
      if (decisions[i] == kUnscored) continue;
      check(slides[i] < slides_.size(), ErrorCode::kHdf5,
            "results.h5: cell {} is of slide {} of {}", first + i, slides[i], slides_.size());
      ++slides_[slides[i]].n_cells;
      slides_[slides[i]].n_yes += decisions[i] == kYes ? 1 : 0;
    }
  }
  [[nodiscard]] const std::vector<SlideScores>& slides() const { return slides_; }

 private:
  std::vector<SlideScores> slides_;
};

}  // namespace

void check_features(const std::vector<FeatureSpec>& features, const Model& model,
                    const std::filesystem::path& file) {
  std::vector<std::string> names;
  names.reserve(features.size());
  for (const FeatureSpec& one : features) names.push_back(one.name);
  const std::string missing = lacking(model.features, names);
  const std::string added = lacking(names, model.features);
  check(
      missing.empty() && added.empty(), ErrorCode::kConfig,
      "{} was trained on other features than this run has{}{}; classify a run of its pipeline, or "
      "train anew on this one",
      file.string(), missing.empty() ? "" : "; only the model has: " + missing,
      added.empty() ? "" : "; only the run has: " + added);
}

Classified classify(const ClassifyRequest& request) {
  const ResultsReader results(request.results);
  const StoredModel stored = read_model(request.model);
  const Model& model = stored.model;
  const CellScorer scorer(results, model, request.model.string(), request.threads);
  check_fit(results, model, request);
  const std::filesystem::path file =
      request.out.empty()
          ? RunLayout(request.results.parent_path()).classified_file(model.class_name)
          : request.out;
  const std::uint64_t n = results.n_cells();
  ScoresWriter writer(file,
                      {results.job_id(), results.pipeline_id(), model.class_name, stored.hash,
                       model.pipeline_id, model.threshold},
                      n);
  SlideCounts counts(results);
  for (std::uint64_t first = 0; first < n; first += kPiece) {
    const std::uint64_t rows = std::min(kPiece, n - first);
    std::vector<float> scores(rows, std::numeric_limits<float>::quiet_NaN());
    std::vector<std::uint8_t> decisions(rows, kUnscored);
    scorer.score(first, results.rows<std::uint8_t>("cells/class", first, rows), scores, decisions);
    counts.add(first, results.rows<std::uint32_t>("cells/slide", first, rows), decisions);
    writer.append(results.rows<std::uint64_t>("cells/uid", first, rows), scores, decisions);
  }
  writer.close(counts.slides());
  return {file, model.class_name, counts.slides()};
}

}  // namespace tilepool
