#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tilepool {

enum class ModelKind { kBoosting, kForest };

/// "boosting" or "forest", and back.
[[nodiscard]] std::string word_of(ModelKind kind);
[[nodiscard]] std::optional<ModelKind> model_kind_of(std::string_view word);

/// How a model is grown, wholly: with the rows in the same order it gives the same model.
struct Recipe {
  ModelKind kind = ModelKind::kBoosting;
  std::uint32_t seed = 0;  ///< of the rows and features that a tree sees; at most 2^31 - 1
};

/// XGBoost's parameters for rows of `n_features` features, `n_yes` >= 1 of them positive and `n_no`
/// negative. docs/labels.md lists and explains them; they are chosen for some hundreds of labels.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parameters_of(const Recipe& recipe,
                                                                             std::size_t n_features,
                                                                             std::uint64_t n_yes,
                                                                             std::uint64_t n_no);

/// How often XGBoost adds trees: once for a forest, whose trees all come together.
[[nodiscard]] int rounds_of(ModelKind kind);

}  // namespace tilepool
