#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "classifier/train_report.h"

namespace tilepool {

struct TrainRequest {
  std::filesystem::path results;              ///< results.h5 of a finished run
  std::vector<std::filesystem::path> labels;  ///< at least one
  std::string class_name;
  Recipe recipe;
  Grouping grouping = Grouping::kSlide;
  std::optional<double> threshold = 0.5;  ///< 0..1; nullopt: so that counts are right
};

/// Reads labels and cells, judges a model by cross-validation and trains it on all labels. Writes
/// nothing. Throws Error(kConfig) for labels that do not fit or do not suffice, Error(kNoInput) for
/// files that are not there, Error(kUsage) for a class that the run does not have.
[[nodiscard]] TrainReport train(const TrainRequest& request);

}  // namespace tilepool
