#pragma once

#include <filesystem>

#include "bench/figures.h"
#include "bench/timing.h"
#include "common/model/options.h"

namespace tilepool {

struct JobBenchRequest {
  Options options;                ///< slides: those to run on, as absolute paths
  std::filesystem::path folder;   ///< private; it gets a configuration and a run directory
  std::filesystem::path program;  ///< that starts tilepool
  int threads = 1;                ///< that the job will use, for a first guess
  double seconds = 1;             ///< that it may take, about; until the first tile, 10
};

/// Runs the configured job with a sample that fits the time, with a larger one again when it proves
/// to be quick, and takes the figures from its status and events. What goes wrong is the figures'
/// problem. Throws Error(kStopped), after the run was ended, and Error(kIo).
[[nodiscard]] JobFigures measure_job(const JobBenchRequest& request, const StopAsked& stop);

}  // namespace tilepool
