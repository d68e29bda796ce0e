#pragma once

#include <filesystem>

#include "common/run/results.h"

namespace tilepool {

/// Whether a task yields cells at all. Without them there is no /cells and no /contours: h5diff
/// calls empty datasets not comparable, so none is written that is empty by nature.
[[nodiscard]] inline bool has_cells(const TaskSchema& schema) {
  return !schema.cell_features.empty();
}

/// Adds to the packed tables what is small, by one process: /slides, /classes, /failures,
/// /telemetry and all attributes; `complete` comes last, when everything else is in the file.
void finish_results(const PackJob& job, const std::filesystem::path& file,
                    const std::filesystem::path& index_file, const Telemetry& telemetry);

}  // namespace tilepool
