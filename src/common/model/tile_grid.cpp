#include "common/model/tile_grid.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include <xxhash.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

static_assert(std::endian::native == std::endian::little, "keys are hashed as little-endian");

void append_i64(std::string& bytes, std::int64_t value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.append(raw, sizeof value);
}

}  // namespace

Rect TileGrid::core(std::int64_t c, std::int64_t r) const {
  const std::int64_t x = c * core_px;
  const std::int64_t y = r * core_px;
  return {x, y, std::min(core_px, slide_width - x), std::min(core_px, slide_height - y)};
}

TileGrid make_grid(std::int64_t slide_width, std::int64_t slide_height, std::int64_t size_px,
                   std::int64_t halo_px, double target_mpp, double slide_mpp) {
  TileGrid grid{slide_width, slide_height, size_px, size_px, halo_px};
  if (target_mpp > 0) {
    check(std::isfinite(slide_mpp), ErrorCode::kSlide,
          "no mpp: tiles.mpp asks for {} um/px, but the slide has no physical pixel size; give "
          "\"mpp\" for this slide in the config or the manifest",
          target_mpp);
    grid.core_px = std::max<std::int64_t>(
        1, std::llround(static_cast<double>(size_px) * target_mpp / slide_mpp));
  }
  return grid;
}

std::int64_t extra_px(const Options& options) {
  if (options.task != TaskKind::kPatches) return 0;
  const PatchOptions& patches = options.patches;
  // Where cores are whole strides the last patch of each begins a stride before its end.
  const bool aligned = options.tiles.size_px % patches.stride() == 0;
  return std::max<std::int64_t>(0, patches.size_px - (aligned ? patches.stride() : 1));
}

TileGrid slide_grid(const SlideInfo& info, const Options& options) {
  const TileOptions& tiles = options.tiles;
  if (options.task != TaskKind::kPatches)
    return make_grid(info.width, info.height, tiles.size_px, tiles.halo_px, tiles.mpp.value_or(0),
                     info.mpp());
  TileGrid grid =
      make_grid(info.width, info.height, tiles.size_px, 0, tiles.mpp.value_or(0), info.mpp());
  grid.extra_px = extra_px(options);
  if (options.patches.level == 0) return grid;
  const auto level = static_cast<std::size_t>(options.patches.level);
  check(level < info.levels.size(), ErrorCode::kSlide,
        "patches.level asks for level {}, but the slide has {} (0 to {})", level,
        info.levels.size(), info.levels.size() - 1);
  grid.level = static_cast<int>(level);
  grid.core_px = tiles.size_px * std::llround(info.levels[level].downsample);
  return grid;
}

std::uint64_t tile_key(std::string_view slide_id, std::int64_t x, std::int64_t y,
                       std::uint64_t seed) {
  std::string bytes(slide_id);
  bytes += '\0';
  append_i64(bytes, x);
  append_i64(bytes, y);
  return XXH64(bytes.data(), bytes.size(), seed);
}

std::uint64_t cell_uid(std::string_view slide_id, std::string_view class_name, double x, double y) {
  std::string bytes(slide_id);
  bytes += '\0';
  bytes += class_name;
  bytes += '\0';
  append_i64(bytes, std::llround(x * 16.0));
  append_i64(bytes, std::llround(y * 16.0));
  return XXH64(bytes.data(), bytes.size(), 0);
}

}  // namespace tilepool
