#pragma once

#include <vector>

#include "bench/figures.h"
#include "bench/timing.h"
#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/model/tile_grid.h"
#include "common/slide/source.h"

namespace tilepool {

struct SlideBenchRequest {
  const SlideSpec& slide;
  const Options& options;
  std::vector<int> steps;  ///< numbers of threads to try
  double seconds;          ///< that it may take, about
  Budget& budget;
  const StopAsked& stop;
};

/// Measures one slide: its file, then decoding, the direct source and OpenSlide in turn with each
/// number of threads, on the same tiles, the file in the cache. A slide that cannot be opened or
/// read comes back with its problem. Throws Error(kStopped), Error(kBudget).
[[nodiscard]] SlideFigures measure_slide(const SlideBenchRequest& request);

/// Pixels a second at which `threads` threads read the tiles at `cores` as a run does, halos
/// included. Throws what reading throws.
[[nodiscard]] double read_rate(SlideSource& source, const TileGrid& grid,
                               const std::vector<Rect>& cores, int threads, double seconds,
                               const StopAsked& stop, Budget& budget);

}  // namespace tilepool
