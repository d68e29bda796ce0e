#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "classifier/model_file.h"
#include "common/model/options.h"
#include "common/model/result.h"
#include "common/run/layout.h"

namespace tilepool {

/// The models that a configuration names for its classes: checked before anything is computed,
/// applied when results.h5 stands.
class RunClassifiers {
 public:
  /// Reads the models; relative paths start in `folder`, the configuration's. Throws Error(kConfig)
  /// or Error(kNoInput) when one is not there or does not fit its class or the features of
  /// `schema`.
  RunClassifiers(const Options& options, const std::filesystem::path& folder,
                 const TaskSchema& schema, RunLayout layout);

  /// Throws Error(kConfig) when a model is of another pipeline.
  void check_pipeline(const std::string& pipeline_id) const;
  /// Writes the scores of each class, as `tilepool classify` does, and tells how many are a yes.
  void classify_run() const;

 private:
  struct Entry {
    std::filesystem::path file;
    std::string class_name, pipeline_id;
  };
  std::vector<Entry> entries_;
  RunLayout layout_;
};

}  // namespace tilepool
