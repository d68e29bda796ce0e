#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/timing.h"
#include "common/model/options.h"

namespace tilepool {

/// Slides that are measured at most.
inline constexpr std::size_t kMostBenchSlides = 3;

struct BenchRequest {
  std::string config;  ///< as the person named it
  Options options;
  std::vector<SlideSpec> cohort;
  double seconds = 60;            ///< that all of it may take, about; 1 or more
  int threads = 1;                ///< the most to try
  int cores = 1;                  ///< granted
  std::size_t limit_bytes = 0;    ///< of this process's resident set
  std::filesystem::path folder;   ///< private, for the job's run directory
  std::filesystem::path program;  ///< that starts tilepool
};

/// Measures: first the slides one after the other, then the job. Fills all figures but the
/// versions. Throws Error(kNoInput) when no slide could be measured, with the reasons,
/// Error(kStopped), Error(kBudget) when not even one thread's tile fits, Error(kIo).
[[nodiscard]] BenchFigures run_bench(const BenchRequest& request, const StopAsked& stop);

/// Which slides of a cohort to try, in this order, until kMostBenchSlides were measured: the first,
/// the last and the middle one of those that may be good and whose names end differently, then
/// others. A cohort of one kind gives first, last, middle.
[[nodiscard]] std::vector<std::size_t> slides_to_try(const std::vector<SlideSpec>& cohort);

}  // namespace tilepool
