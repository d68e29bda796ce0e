#include "classifier/train.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "classifier/booster.h"
#include "classifier/label_check.h"
#include "common/base/error.h"
#include "common/run/atomic_file.h"

namespace tilepool {
namespace {

struct ReadLabels {
  std::vector<LabelFile> files;
  std::vector<LabelSource> sources;
};

/// The file's name; the whole path where another file is called the same.
std::string name_among(const std::filesystem::path& path,
                       const std::vector<std::filesystem::path>& paths) {
  const auto namesakes = std::ranges::count_if(
      paths, [&](const auto& other) { return other.filename() == path.filename(); });
  return namesakes == 1 ? path.filename().string() : path.string();
}

ReadLabels read_labels(const std::vector<std::filesystem::path>& paths) {
  ReadLabels read;
  std::string problems;
  for (const auto& path : paths) {
    check(std::filesystem::is_regular_file(path), ErrorCode::kNoInput,
          "--labels {}: there is no such file", path.string());
    const std::string text = read_file(path);
    try {
      LabelFile file = parse_labels(text, name_among(path, paths));
      read.sources.push_back({file.name, file.annotator, hash_text(text), file.labels.size(),
                              file.pipeline_id.has_value()});
      read.files.push_back(std::move(file));
    } catch (const Error& error) {
      problems += (problems.empty() ? "" : "\n") + std::string(error.what());
    }
  }
  check(problems.empty(), ErrorCode::kConfig, "{}", problems);
  return read;
}

std::vector<SlideLabels> labels_by_slide(const ResultsReader& results, const TrainingSet& set,
                                         const Evaluation& evaluation, double threshold) {
  std::map<std::uint32_t, SlideLabels> by_slide;
  for (std::size_t row = 0; row < set.size(); ++row) {
    SlideLabels& slide = by_slide[set.slide[row]];
    slide.id = results.slides()[set.slide[row]].id;
    const bool yes = set.yes[row] != 0;
    ++(yes ? slide.n_yes : slide.n_no);
    if ((static_cast<double>(evaluation.scores[row]) >= threshold) == yes) ++slide.n_right;
  }
  std::vector<SlideLabels> slides;
  slides.reserve(by_slide.size());
  for (auto& [row, slide] : by_slide) slides.push_back(std::move(slide));
  return slides;
}

std::vector<double> gain_shares(const Booster& booster, const std::vector<std::string>& features) {
  std::vector<double> gain = booster.total_gain(features);
  const double all = std::accumulate(gain.begin(), gain.end(), 0.0);
  for (double& one : gain) one = all > 0 ? one / all : 0;
  return gain;
}

}  // namespace

TrainReport train(const TrainRequest& request) {
  const ResultsReader results(request.results);
  (void)class_index_of(results, request.class_name);  // before labels are looked at
  ReadLabels labels = read_labels(request.labels);
  std::set<std::uint64_t> uids;
  for (const LabelFile& file : labels.files)
    for (const auto& [uid, label] : file.labels) uids.insert(uid);
  const auto cells = find_cells(results, uids);
  check_labels(results, request.class_name, labels.files, cells);
  const std::vector<Annotator> annotators = annotators_of(labels.files);

  TrainReport report;
  report.sources = std::move(labels.sources);
  report.verdicts = decide(annotators);
  report.agreements = agreements_of(annotators);
  for (const Agreement& pair : report.agreements)
    for (const Disagreement& one : pair.disagreements)
      report.disputed_slides[one.uid] = results.slides()[cells.at(one.uid).slide].id;

  const TrainingSet set = gather(results, report.verdicts, cells);
  const Groups groups = groups_of(set, request.grouping);
  check_trainable(report.verdicts, groups, request.grouping);
  Model& model = report.model;
  model.class_name = request.class_name;
  model.pipeline_id = results.pipeline_id();
  model.job_id = results.job_id();
  model.features = set.features;
  model.recipe = request.recipe;
  model.xgboost_version = xgboost_version();
  report.evaluation =
      cross_validate(set, groups, request.grouping, request.recipe, request.threshold);
  model.threshold = report.evaluation.threshold;
  report.missed = missed_gates(report.evaluation.values);
  report.slides = labels_by_slide(results, set, report.evaluation, model.threshold);
  const Booster booster =
      Booster::train({set.values, set.features.size()}, set.yes, set.features, request.recipe);
  report.gain = gain_shares(booster, set.features);
  model.booster = booster.json();
  return report;
}

}  // namespace tilepool
