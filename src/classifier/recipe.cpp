#include "classifier/recipe.h"

#include <cmath>

#include <fmt/format.h>

namespace tilepool {
namespace {

constexpr int kRounds = 150;
constexpr int kTreesOfForest = 300;

}  // namespace

std::string word_of(ModelKind kind) { return kind == ModelKind::kForest ? "forest" : "boosting"; }

std::optional<ModelKind> model_kind_of(std::string_view word) {
  for (const ModelKind kind : {ModelKind::kBoosting, ModelKind::kForest})
    if (word == word_of(kind)) return kind;
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> parameters_of(const Recipe& recipe,
                                                               std::size_t n_features,
                                                               std::uint64_t n_yes,
                                                               std::uint64_t n_no) {
  std::vector<std::pair<std::string, std::string>> parameters = {
      {"objective", "binary:logistic"},
      {"tree_method", "exact"},
      {"nthread", "1"},
      {"verbosity", "0"},
      {"seed", std::to_string(recipe.seed)},
      {"scale_pos_weight",
       fmt::format("{:.9g}", static_cast<double>(n_no) / static_cast<double>(n_yes))},
      {"subsample", "0.8"},
  };
  if (recipe.kind == ModelKind::kBoosting) {
    for (const auto& one : {std::pair("eta", "0.1"), std::pair("max_depth", "3"),
                            std::pair("colsample_bytree", "0.8"), std::pair("lambda", "1")})
      parameters.emplace_back(one);
    return parameters;
  }
  const auto features = static_cast<double>(n_features);
  for (const auto& one :
       {std::pair("eta", "1"), std::pair("max_depth", "10"), std::pair("lambda", "0.00001")})
    parameters.emplace_back(one);
  parameters.emplace_back("num_parallel_tree", std::to_string(kTreesOfForest));
  // A random forest looks at the square root of the features in each node (Breiman 2001).
  parameters.emplace_back("colsample_bynode",
                          fmt::format("{:.9g}", std::sqrt(features) / features));
  return parameters;
}

int rounds_of(ModelKind kind) { return kind == ModelKind::kForest ? 1 : kRounds; }

}  // namespace tilepool
