#pragma once

#include "common/run/layout.h"
#include "common/run/run_json.h"

namespace tilepool {

/// Makes the folders of a run where they are missing. Throws Error(kIo).
void create_run_directory(const RunLayout& layout);

/// Makes the run directory ready for `run`, under its lock: an empty one, or one that holds the
/// same job, stopped or finished, or a smaller sample of it. With `fresh`, an earlier run's files
/// are removed first; files that are not a run's own are never touched. Throws Error(kConfig) with
/// the differing keys or slides when it holds another job, Error(kIo) when it cannot be written.
void prepare_run_directory(const RunLayout& layout, const RunDescription& run, bool fresh);

}  // namespace tilepool
