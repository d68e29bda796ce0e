#include "common/slide/direct_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/error.h"
#include "common/base/progress.h"
#include "common/slide/region.h"

namespace tilepool {
namespace {

Rect overlap(const Rect& a, const Rect& b) {
  const std::int64_t x = std::max(a.x, b.x);
  const std::int64_t y = std::max(a.y, b.y);
  return {x, y, std::min(a.x + a.w, b.x + b.w) - x, std::min(a.y + a.h, b.y + b.h) - y};
}

bool is_whole(double downsample) { return downsample == std::floor(downsample); }

/// Which levels OpenSlide reads, for the ledger.
std::string describe(const SlideInfo& info) {
  std::string levels;
  for (std::size_t i = 0; i < info.levels.size(); ++i)
    if (!is_whole(info.levels[i].downsample))
      levels += fmt::format("{}{}", levels.empty() ? "" : " ", i);
  return levels.empty()
             ? "direct"
             : fmt::format("direct (openslide for level {}: downsample not whole)", levels);
}

}  // namespace

DirectSource::DirectSource(std::string path, std::vector<TiffLevel> levels,
                           std::unique_ptr<OpenSlideSource> openslide)
    : path_(std::move(path)),
      levels_(std::move(levels)),
      openslide_(std::move(openslide)),
      info_(openslide_->info()),
      file_(path_) {
  info_.reader = describe(info_);
  openslide_->rest();
}

void DirectSource::read(int level, std::int64_t x, std::int64_t y, RgbView out) {
  check(level >= 0 && level < static_cast<int>(levels_.size()), ErrorCode::kInternal,
        "{}: level {} of {} levels", path_, level, levels_.size());
  if (!is_whole(info_.levels[static_cast<std::size_t>(level)].downsample))
    return openslide_->read(level, x, y, out);
  try {
    read_tiles(level, x, y, out);
  } catch (const Error&) {
    openslide_->read(level, x, y, out);  // throws too, in words that do not depend on the reader
  }
}

void DirectSource::read_tiles(int level, std::int64_t x, std::int64_t y, RgbView out) {
  const TiffLevel& tiles = levels_[static_cast<std::size_t>(level)];
  const Rect region{x, y, out.width, out.height};
  const Rect inside = clip(region, tiles.width, tiles.height);
  if (inside.w == 0) return fill_white(out);
  whiten_outside(out, region, inside);
  const RgbView view = out.window(inside.x - x, inside.y - y, inside.w, inside.h);
  const std::int64_t last_column = (inside.x + inside.w - 1) / tiles.kind.width;
  const std::int64_t last_row = (inside.y + inside.h - 1) / tiles.kind.height;
  for (std::int64_t row = inside.y / tiles.kind.height; row <= last_row; ++row)
    for (std::int64_t column = inside.x / tiles.kind.width; column <= last_column; ++column)
      read_tile(level, column, row, inside, view);
}

/// The part of `inside` that lies in one tile; `out` shows `inside`.
void DirectSource::read_tile(int level, std::int64_t column, std::int64_t row, const Rect& inside,
                             RgbView out) {
  const TiffLevel& tiles = levels_[static_cast<std::size_t>(level)];
  const Rect place{column * tiles.kind.width, row * tiles.kind.height, tiles.kind.width,
                   tiles.kind.height};
  const Rect part = overlap(place, inside);
  const RgbView view = out.window(part.x - inside.x, part.y - inside.y, part.w, part.h);
  const std::int64_t tile = tiles.tile(column, row);
  const bool missing = !tiles.missing.empty() && tiles.missing[static_cast<std::size_t>(tile)];
  if (missing && level == 0) return fill_white(view);
  if (missing) return openslide_->read(level, part.x, part.y, view);
  decode_tile(tiles, tile, {part.x - place.x, part.y - place.y, part.w, part.h}, view);
  note_progress();
}

void DirectSource::decode_tile(const TiffLevel& level, std::int64_t tile, const Rect& wanted,
                               RgbView out) {
  thread_local JpegTileDecoder decoder;
  thread_local std::vector<std::uint8_t> jpeg;
  const std::uint32_t bytes = level.bytes[static_cast<std::size_t>(tile)];
  const std::uint64_t offset = level.offsets[static_cast<std::size_t>(tile)];
  check(bytes > 0, ErrorCode::kSlide, "it has no data");
  check(bytes <= file_.size() && offset <= file_.size() - bytes, ErrorCode::kSlide,
        "its {} bytes at {} lie beyond the file's {}", bytes, offset, file_.size());
  if (jpeg.size() < bytes) jpeg.resize(bytes);
  const std::span<std::uint8_t> data(jpeg.data(), bytes);
  file_.read(offset, data);
  decoder.decode(level.kind, data, wanted, out);
}

}  // namespace tilepool
