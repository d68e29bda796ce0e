#pragma once

#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/summary.h"

namespace tilepool {

/// What the figures say, for a person.
struct BenchFinding {
  std::string key;   ///< for programs, e.g. "bound-by-computing"; the names stand in docs/cli.md
  std::string text;  ///< a sentence or two
};

/// Where the verdict draws its lines. They are a judgement, not a measurement: half as fast again
/// as needed is enough, three times leaves nothing to gain.
inline constexpr double kAmpleReading = 3;     ///< times the job's rate: reading does not matter
inline constexpr double kScarceReading = 1.5;  ///< less than this: reading decides
inline constexpr double kScarceFile = 1.25;    ///< of the file system, in the same way
inline constexpr double kMuchWaiting = 0.25;   ///< share of the computing threads' time, for reads
inline constexpr double kSlowCommits = 0.1;    ///< the same for commits
/// Of the decode limit, where it is not kAmpleReading times the job: the file system is slow.
inline constexpr double kFileBelowLimit = 0.5;
inline constexpr double kSlowPlaces = 0.5;    ///< reads anywhere, of one decoding thread's rate
inline constexpr double kPoorScaling = 0.5;   ///< of as many times as there are threads
inline constexpr double kFarFromLimit = 0.5;  ///< direct source, of the limit over touched_ratio
inline constexpr double kMuchTouched = 1.5;   ///< LimitFigures::touched_ratio
inline constexpr double kWorthDirect = 1.5;   ///< direct over OpenSlide
inline constexpr double kIdleGpu = 0.5;       ///< busy for a smaller share of processing

/// Where the time goes, first what binds the job, then what else stands out, by the lines above.
/// Depends on the figures alone.
[[nodiscard]] std::vector<BenchFinding> judge(const BenchFigures& figures,
                                              const BenchSummary& summary);

}  // namespace tilepool
