#pragma once

#include <filesystem>
#include <vector>

#include "classifier/model_file.h"
#include "classifier/scores_file.h"
#include "common/model/result.h"

namespace tilepool {

struct ClassifyRequest {
  std::filesystem::path results;  ///< results.h5 of a finished run
  std::filesystem::path model;
  std::filesystem::path out;  ///< empty: <run>/classified/<class>.h5
  bool any_pipeline = false;  ///< take a model of another pipeline when its features are the same
  int threads = 1;            ///< >= 1; scores do not depend on it
};

struct Classified {
  std::filesystem::path file;
  std::string class_name;
  std::vector<SlideScores> slides;  ///< all of the run, by id
};

/// Throws Error(kConfig), naming those that differ, unless the model that `file` holds was trained
/// on these features, in whatever order.
void check_features(const std::vector<FeatureSpec>& features, const Model& model,
                    const std::filesystem::path& file);

/// Scores every cell of the model's class, from results.h5 alone, in memory that does not grow with
/// the cells. Throws Error(kConfig) when the model's features are not the run's (naming those that
/// differ), or when it is of another pipeline; Error(kUsage) when the run lacks its class.
Classified classify(const ClassifyRequest& request);

}  // namespace tilepool
