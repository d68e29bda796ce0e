#include "classifier/classify.h"

#include <algorithm>
#include <limits>

#include "classifier/booster.h"
#include "classifier/cell_lookup.h"
#include "common/base/error.h"
#include "common/base/text.h"
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

/// Scores cells by pieces.
class CellScorer {
 public:
  CellScorer(const ResultsReader& results, const Model& model, const ClassifyRequest& request)
      : results_(results),
        model_(model),
        booster_(Booster::load(model.booster, request.model.string())),
        class_index_(class_index_of(results, model.class_name)),
        threads_(request.threads) {
    for (const ResultsSlide& slide : results.slides()) slides_.push_back({slide.id});
  }

  /// Rows [first, first + count) of /cells to the file, and into the slides' counts.
  void score(std::uint64_t first, std::uint64_t count, ScoresWriter& writer) {
    const auto classes = results_.rows<std::uint8_t>("cells/class", first, count);
    const auto uids = results_.rows<std::uint64_t>("cells/uid", first, count);
    const auto slides = results_.rows<std::uint32_t>("cells/slide", first, count);
    const std::vector<float> of_class = scores_of_class(first, classes);
    std::vector<float> scores(count, std::numeric_limits<float>::quiet_NaN());
    std::vector<std::uint8_t> decisions(count, kOtherClass);
    std::size_t next = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (classes[i] != class_index_) continue;
      scores[i] = of_class[next++];
      const bool yes = static_cast<double>(scores[i]) >= model_.threshold;
      decisions[i] = yes ? 1 : 0;
      check(slides[i] < slides_.size(), ErrorCode::kHdf5,
            "results.h5: cell {} is of slide {} of {}", first + i, slides[i], slides_.size());
      SlideScores& slide = slides_[slides[i]];
      ++slide.n_cells;
      slide.n_yes += yes ? 1 : 0;
    }
    writer.append(uids, scores, decisions);
  }

  [[nodiscard]] const std::vector<SlideScores>& slides() const { return slides_; }

 private:
  [[nodiscard]] std::vector<float> scores_of_class(std::uint64_t first,
                                                   const std::vector<std::uint8_t>& classes) const {
    const std::size_t width = model_.features.size();
    auto values = feature_rows(results_, model_.features, first, classes.size());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (classes[i] != class_index_) continue;
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                  values.begin() + static_cast<std::ptrdiff_t>(kept * width));
      ++kept;
    }
    values.resize(kept * width);
    return booster_.scores({values, width}, threads_);
  }

  const ResultsReader& results_;
  const Model& model_;
  Booster booster_;
  std::uint8_t class_index_;
  int threads_;
  std::vector<SlideScores> slides_;
};

}  // namespace

void check_features(const std::vector<FeatureSpec>& features, const Model& model,
                    const std::filesystem::path& file) {
  std::vector<std::string> names;
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
  CellScorer scorer(results, model, request);
  check_fit(results, model, request);
  const std::filesystem::path file =
      request.out.empty()
          ? RunLayout(request.results.parent_path()).classified_file(model.class_name)
          : request.out;
  ScoresWriter writer(file,
                      {results.job_id(), results.pipeline_id(), model.class_name, stored.hash,
                       model.pipeline_id, model.threshold},
                      results.n_cells());
  for (std::uint64_t first = 0; first < results.n_cells(); first += kPiece)
    scorer.score(first, std::min(kPiece, results.n_cells() - first), writer);
  writer.close(scorer.slides());
  return {file, model.class_name, scorer.slides()};
}

}  // namespace tilepool
