#include "common/model/patch_lattice.h"

#include <algorithm>
#include <cmath>

#include "common/base/checked.h"

namespace tilepool {
namespace {

/// Corners k * stride in [begin, end) of one axis; `end` of the slide in level-0 px.
struct Axis {
  std::int64_t first, last;
};

Axis corners(const TileGrid& grid, const PatchOptions& options, std::int64_t core_begin,
             std::int64_t core_extent, std::int64_t slide_extent) {
  const std::int64_t stride = options.stride();
  // A core's corner is a whole number of cores from the slide's.
  const std::int64_t begin = core_begin / grid.core_px * grid.size_px;
  std::int64_t last = begin + grid.size_px - 1;
  // x * core_px / size_px is where analysis pixel x begins on level 0.
  const auto fits = [&](std::int64_t x, std::int64_t extent) {
    return checked_mul(x, grid.core_px) <= checked_mul(extent, grid.size_px);
  };
  last = last / stride * stride;
  const std::int64_t core_end = std::min(core_begin + core_extent, slide_extent);
  while (last >= begin &&
         (options.pad ? !fits(last, core_end - 1) : !fits(last + options.size_px, slide_extent)))
    last -= stride;
  return {(begin + stride - 1) / stride * stride, last};
}

}  // namespace

std::vector<PatchPlace> patches_of(const TileGrid& grid, const PatchOptions& options,
                                   const Rect& core) {
  const Axis across = corners(grid, options, core.x, core.w, grid.slide_width);
  const Axis down = corners(grid, options, core.y, core.h, grid.slide_height);
  const auto level0 = [&](std::int64_t at) {
    return std::llround(static_cast<double>(at) * grid.scale());
  };
  std::vector<PatchPlace> patches;
  for (std::int64_t y = down.first; y <= down.last; y += options.stride())
    for (std::int64_t x = across.first; x <= across.last; x += options.stride())
      patches.push_back({x, y, level0(x), level0(y)});
  return patches;
}

}  // namespace tilepool
