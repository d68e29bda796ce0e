#include "worker/patch_reader.h"

#include <cmath>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/model/patch_lattice.h"
#include "common/slide/scaled_read.h"

namespace tilepool {

bool read_one_by_one(const SlideInfo& info, const TileGrid& grid, const PatchOptions& options) {
  const double downsample = info.levels.at(static_cast<std::size_t>(grid.level)).downsample;
  return options.one_by_one || downsample != std::floor(downsample);
}

TileWindow read_patches(SlideSource& source, const TileGrid& grid, const PatchOptions& options,
                        const Rect& core, std::span<std::uint8_t> pixels) {
  const std::int64_t size = options.size_px;
  const std::int64_t bytes = 3 * size * size;
  const std::vector<PatchPlace> patches = patches_of(grid, options, core);
  const auto n = checked_cast<std::int64_t>(patches.size());
  check(checked_cast<std::size_t>(checked_mul(n, bytes)) <= pixels.size(), ErrorCode::kInternal,
        "{} patches in a buffer of {} bytes", n, pixels.size());
  TileWindow window;
  window.rgb = {pixels.data(), size, n * size, 3 * size};
  window.core = window.inside = {0, 0, size, n * size};
  window.core_level0 = core;
  window.scale = grid.scale();
  window.stacked = true;
  for (std::int64_t i = 0; i < n; ++i) {
    const PatchPlace& patch = patches[static_cast<std::size_t>(i)];
    const RgbView out{pixels.data() + i * bytes, size, size, 3 * size};
    if (grid.level > 0 || grid.core_px == grid.size_px)
      source.read_at(grid.level, patch.x0, patch.y0, out);
    else
      read_scaled(source, static_cast<double>(patch.x) * grid.scale(),
                  static_cast<double>(patch.y) * grid.scale(), grid.scale(), out);
  }
  return window;
}

}  // namespace tilepool
