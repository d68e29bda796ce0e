#include "classifier/cell_scorer.h"

#include <algorithm>

#include "classifier/cell_lookup.h"
#include "common/run/cell_scores.h"

namespace tilepool {

CellScorer::CellScorer(const ResultsReader& results, const Model& model, const std::string& where,
                       int threads)
    : results_(results),
      features_(model.features),
      threshold_(model.threshold),
      booster_(Booster::load(model.booster, where)),
      class_index_(class_index_of(results, model.class_name)),
      threads_(threads) {}

void CellScorer::score(std::uint64_t first, std::span<const std::uint8_t> classes,
                       std::span<float> score, std::span<std::uint8_t> decision) const {
  const std::vector<float> of_class = scores_of_class(first, classes);
  std::size_t next = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] != class_index_) continue;
    score[i] = of_class[next++];
    decision[i] = static_cast<double>(score[i]) >= threshold_ ? kYes : kNo;
  }
}

std::vector<float> CellScorer::scores_of_class(std::uint64_t first,
                                               std::span<const std::uint8_t> classes) const {
  const std::size_t width = features_.size();
  auto values = feature_rows(results_, features_, first, classes.size());
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

}  // namespace tilepool
