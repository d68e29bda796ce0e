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

bool is_level0(const TileGrid& grid) { return grid.core_px == grid.size_px && grid.level == 0; }

}  // namespace

WindowSize window_size(const TileGrid& grid, std::int64_t core_w, std::int64_t core_h) {
  const std::int64_t around = 2 * grid.halo_px + grid.extra_px;
  return {to_analysis(core_w, grid.scale()) + around, to_analysis(core_h, grid.scale()) + around};
}

WindowSize largest_window(const Options& options) {
  if (options.task != TaskKind::kPatches) {
    const std::int64_t edge = options.tiles.size_px + 2 * options.tiles.halo_px;
    return {edge, edge};
  }
  const std::int64_t edge = options.tiles.size_px + extra_px(options);
  if (options.patches.level == 0 && !options.patches.one_by_one) return {edge, edge};
  const std::int64_t size = options.patches.size_px;
  const std::int64_t row = (options.tiles.size_px - 1) / options.patches.stride() + 1;
  const std::int64_t stack = checked_mul(checked_mul(row, row), size);
  return checked_mul(stack, size) > edge * edge ? WindowSize{size, stack} : WindowSize{edge, edge};
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
  const std::int64_t around = 2 * grid.halo_px + grid.extra_px;
  window.core = {grid.halo_px, grid.halo_px, size.width - around, size.height - around};
  const double reach = static_cast<double>(grid.halo_px) * window.scale;
  window.origin_x = static_cast<double>(core.x) - reach;
  window.origin_y = static_cast<double>(core.y) - reach;
  const auto [x0, x1] = clip(window.origin_x, window.scale, size.width, grid.slide_width);
  const auto [y0, y1] = clip(window.origin_y, window.scale, size.height, grid.slide_height);
  window.inside = {x0, y0, x1 - x0, y1 - y0};
  if (grid.level > 0)
    source.read(grid.level, core.x * grid.size_px / grid.core_px,
                core.y * grid.size_px / grid.core_px, rgb);
  else if (is_level0(grid))
    source.read(0, core.x - grid.halo_px, core.y - grid.halo_px, rgb);
  else
    read_scaled(source, window.origin_x, window.origin_y, window.scale, rgb);
  return window;
}

LevelRegion tile_region(const SlideInfo& info, const TileGrid& grid, const Rect& core) {
  const WindowSize size = window_size(grid, core.w, core.h);
  if (grid.level > 0)
    return {grid.level,
            {core.x * grid.size_px / grid.core_px, core.y * grid.size_px / grid.core_px, size.width,
             size.height}};
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
