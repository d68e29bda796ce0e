#include "worker/tile_reader.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/error.h"

namespace tilepool {
namespace {

std::int64_t to_analysis(std::int64_t level0_px, double scale) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(level0_px) / scale));
}

// The pixels of [0, extent) whose centres lie on the slide.
std::pair<std::int64_t, std::int64_t> clip(double origin, double scale, std::int64_t extent,
                                           std::int64_t slide_extent) {
  const double begin = std::ceil(-origin / scale - 0.5);
  const double end = std::ceil((static_cast<double>(slide_extent) - origin) / scale - 0.5);
  const auto limit = static_cast<double>(extent);
  return {static_cast<std::int64_t>(std::clamp(begin, 0.0, limit)),
          static_cast<std::int64_t>(std::clamp(end, 0.0, limit))};
}

bool is_level0(const TileGrid& grid) { return grid.core_px == grid.size_px; }

}  // namespace

WindowSize window_size(const TileGrid& grid, std::int64_t core_w, std::int64_t core_h) {
  return {to_analysis(core_w, grid.scale()) + 2 * grid.halo_px,
          to_analysis(core_h, grid.scale()) + 2 * grid.halo_px};
}

WindowSize largest_window(const Options& options) {
  const std::int64_t edge = options.tiles.size_px + 2 * options.tiles.halo_px;
  return {edge, edge};
}

TileWindow read_tile(SlideSource& source, const TileGrid& grid, const Rect& core,
                     std::span<std::uint8_t> pixels) {
  const WindowSize size = window_size(grid, core.w, core.h);
  const auto bytes = checked_cast<std::size_t>(checked_mul(3 * size.width, size.height));
  check(bytes <= pixels.size(), ErrorCode::kInternal, "a window of {} bytes in a buffer of {}",
        bytes, pixels.size());
  const RgbView rgb{pixels.data(), size.width, size.height, 3 * size.width};
  TileWindow window;
  window.rgb = rgb;
  window.scale = grid.scale();
  window.core_level0 = core;
  window.core = {grid.halo_px, grid.halo_px, size.width - 2 * grid.halo_px,
                 size.height - 2 * grid.halo_px};
  const double reach = static_cast<double>(grid.halo_px) * window.scale;
  window.origin_x = static_cast<double>(core.x) - reach;
  window.origin_y = static_cast<double>(core.y) - reach;
  const auto [x0, x1] = clip(window.origin_x, window.scale, size.width, grid.slide_width);
  const auto [y0, y1] = clip(window.origin_y, window.scale, size.height, grid.slide_height);
  window.inside = {x0, y0, x1 - x0, y1 - y0};
  if (is_level0(grid))
    source.read(0, core.x - grid.halo_px, core.y - grid.halo_px, rgb);
  else
    read_scaled(source, window.origin_x, window.origin_y, window.scale, rgb);
  return window;
}

LevelRegion tile_region(const SlideInfo& info, const TileGrid& grid, const Rect& core) {
  const WindowSize size = window_size(grid, core.w, core.h);
  if (is_level0(grid))
    return {0, {core.x - grid.halo_px, core.y - grid.halo_px, size.width, size.height}};
  const double reach = static_cast<double>(grid.halo_px) * grid.scale();
  return scaled_region(info, static_cast<double>(core.x) - reach,
                       static_cast<double>(core.y) - reach, grid.scale(), size.width, size.height);
}

void expect_tiles(SlideSource& source, const TileGrid& grid, std::span<const Rect> cores) {
  std::vector<Rect> regions;
  int level = 0;
  for (const Rect& core : cores) {
    const LevelRegion region = tile_region(source.info(), grid, core);
    level = region.level;
    regions.push_back(region.rect);
  }
  source.expect(level, regions);
}

}  // namespace tilepool
