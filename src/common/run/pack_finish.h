#pragma once

#include <filesystem>

#include "common/run/results.h"

namespace tilepool {

/// Where the items that a task finds stand in results.h5, and what their counts are called. A task
/// without them has no such tables: h5diff calls empty datasets not comparable, so none is written
/// that is empty by nature.
struct ItemNames {
  std::string group;         ///< "cells"
  std::string sample_count;  ///< "n_cells", of /sample
  std::string sample_begin;  ///< "cell_begin", of /sample
};
[[nodiscard]] inline ItemNames item_names(Items items) {
  if (items == Items::kPatches) return {"patches", "n_patches", "patch_begin"};
  return {"cells", "n_cells", "cell_begin"};
}

/// Adds to the packed tables what is small, by one process: /slides, /classes, /failures,
/// /telemetry and all attributes; `complete` comes last, when everything else is in the file.
void finish_results(const PackJob& job, const std::filesystem::path& file,
                    const std::filesystem::path& index_file, const Telemetry& telemetry);

}  // namespace tilepool
