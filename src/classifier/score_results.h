#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "classifier/model_file.h"
#include "classifier/scores_file.h"

namespace tilepool {

/// What results.h5 says of the models whose scores it holds: JSON, the root attribute
/// "classifiers". Empty for no models.
[[nodiscard]] std::string classifiers_text(std::span<const StoredModel> models);
/// That attribute of a results file; empty when it has none.
[[nodiscard]] std::string classifiers_of(const std::filesystem::path& results_file);

/// Adds /cells/score and /cells/decision to a results file that has neither and is not yet in its
/// place; one model a class. Memory does not grow with the cells. Returns each model's cells and
/// yeses, summed over the slides, in the order of `models`, `id` being its class. Throws
/// Error(kConfig) when XGBoost refuses a model, Error(kIo) when the file cannot be written.
std::vector<SlideScores> score_results(const std::filesystem::path& results_file,
                                       std::span<const StoredModel> models, int threads);

}  // namespace tilepool
