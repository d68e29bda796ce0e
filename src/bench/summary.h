#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/figures.h"

namespace tilepool {

/// The figures of several slides in one: the rate at which as many pixels of each are had (the
/// harmonic mean). What is not known for all measured slides is not known here.
struct BenchSummary {
  std::size_t slides = 0;  ///< measured
  std::vector<ThreadRate> limit, direct, openslide;
  std::vector<ThreadRate> reading;  ///< by the source that a run would use
  bool reads_directly = false;      ///< on all slides
  std::optional<double> file_bytes_s, file_mpx_s;
  std::optional<double> random_read_s;  ///< the slowest slide's
  double random_px = 0;                 ///< that such a read gives there; 0: not known
  double touched_ratio = 0;             ///< of LimitFigures; the largest
};

[[nodiscard]] BenchSummary summarise(const BenchFigures& figures);

/// The rate with most threads; 0 of none.
[[nodiscard]] double most_threads_mpx_s(const std::vector<ThreadRate>& rates);
/// The rate with one thread; 0 of none.
[[nodiscard]] double one_thread_mpx_s(const std::vector<ThreadRate>& rates);

}  // namespace tilepool
