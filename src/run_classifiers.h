#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "classifier/model_file.h"
#include "common/model/options.h"
#include "common/model/result.h"

namespace tilepool {

/// The models that a configuration names for its classes: checked before anything is computed,
/// applied when results.h5 is packed.
class RunClassifiers {
 public:
  /// Reads the models; relative paths start in `folder`, the configuration's. Throws Error(kConfig)
  /// or Error(kNoInput) when one is not there or does not fit its class or the features of
  /// `schema`.
  RunClassifiers(const Options& options, const std::filesystem::path& folder,
                 const TaskSchema& schema);

  /// Throws Error(kConfig) when a model is of another pipeline.
  void check_pipeline(const std::string& pipeline_id) const;
  /// Whether a complete results file holds the scores of exactly these models.
  [[nodiscard]] bool scored(const std::filesystem::path& results_file) const;
  /// Adds their scores to a results file that has none, and tells how many cells are a yes.
  void score(const std::filesystem::path& results_file) const;

 private:
  std::vector<std::filesystem::path> files_;
  std::vector<StoredModel> models_;  ///< of each file
};

}  // namespace tilepool
