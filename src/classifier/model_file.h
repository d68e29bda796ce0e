#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "classifier/recipe.h"

namespace tilepool {

/// A classifier of cells of one class.
struct Model {
  std::string class_name, pipeline_id;
  std::string job_id;                 ///< of the run whose cells were labelled
  std::vector<std::string> features;  ///< columns of /cells in the order that the trees number them
  double threshold = 0.5;             ///< a score from it up is a yes
  Recipe recipe;
  std::string xgboost_version;
  std::string booster;  ///< XGBoost's JSON
};

/// The text of a model file; `metrics` and `labels` are JSON objects that stand in it as they are.
[[nodiscard]] std::string model_json(const Model& model, const std::string& metrics,
                                     const std::string& labels);

/// A model that was read, and the hash of its file.
struct StoredModel {
  Model model;
  std::string hash;  ///< 16 hex digits: XXH3-64 of the file's bytes
};
/// Throws Error(kNoInput) when there is no such file and Error(kConfig) when it is no model, of a
/// newer version, or changed after it was written.
[[nodiscard]] StoredModel read_model(const std::filesystem::path& file);

/// XXH3-64 (seed 0) as 16 hex digits.
[[nodiscard]] std::string hash_text(const std::string& bytes);

}  // namespace tilepool
