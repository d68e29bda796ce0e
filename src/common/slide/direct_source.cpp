#include "common/slide/direct_source.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/progress.h"
#include "common/slide/region.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kRunBytes = std::uint64_t{1} << 20;  // read at once
constexpr std::uint64_t kRunGap = 4096;  // bytes that are read for nothing rather than asked apart

/// Copies the part of a tile from its pixels.
void copy_part(const std::uint8_t* pixels, const Rect& place, const Rect& part, RgbView out) {
  const std::uint8_t* from = pixels + 3 * ((part.y - place.y) * place.w + part.x - place.x);
  for (std::int64_t y = 0; y < part.h; ++y)
    std::memcpy(out.row(y), from + 3 * y * place.w, static_cast<std::size_t>(3 * part.w));
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

const TiffLevel& DirectSource::tiles_of(int level) const {
  check(level >= 0 && level < static_cast<int>(levels_.size()), ErrorCode::kInternal,
        "{}: level {} of {} levels", path_, level, levels_.size());
  return levels_[static_cast<std::size_t>(level)];
}

bool DirectSource::reads(int level) const {
  return is_whole(info_.levels[static_cast<std::size_t>(level)].downsample);
}

void DirectSource::read(int level, std::int64_t x, std::int64_t y, RgbView out) {
  const TiffLevel& tiles = tiles_of(level);
  if (!reads(level)) return leave_to_openslide(level, x, y, out);
  const Rect region{x, y, out.width, out.height};
  const Rect inside = clip(region, tiles.width, tiles.height);
  if (inside.w == 0) return fill_white(out);
  whiten_outside(out, region, inside);
  try {
    read_tiles({level, region, inside, out.window(inside.x - x, inside.y - y, inside.w, inside.h)});
  } catch (const Error&) {
    leave_to_openslide(level, x, y, out);  // throws too, in words that do not depend on the reader
  }
}

void DirectSource::read_at(int level, std::int64_t x0, std::int64_t y0, RgbView out) {
  if (reads(level)) return SlideSource::read_at(level, x0, y0, out);
  shared_.clear();
  openslide_->read_at(level, x0, y0, out);
}

void DirectSource::leave_to_openslide(int level, std::int64_t x, std::int64_t y, RgbView out) {
  shared_.clear();
  openslide_->read(level, x, y, out);
}

void DirectSource::read_tiles(const Read& read) {
  const std::int64_t height = tiles_of(read.level).kind.height;
  const std::int64_t end = ceil_div(read.inside.y + read.inside.h, height);
  for (std::int64_t row = read.inside.y / height; row < end; ++row) read_row(read, row);
}

/// Tiles that follow each other in the file are read together.
void DirectSource::read_row(const Read& read, std::int64_t row) {
  const TiffLevel& tiles = tiles_of(read.level);
  const std::int64_t width = tiles.kind.width;
  const std::int64_t end = ceil_div(read.inside.x + read.inside.w, width);
  thread_local std::vector<TilePart> run;
  run.clear();
  for (std::int64_t column = read.inside.x / width; column < end; ++column) {
    const Rect place{column * width, row * tiles.kind.height, width, tiles.kind.height};
    const TilePart tile{tiles.tile(column, row), place, intersection(place, read.inside)};
    if (is_there(read, tile)) continue;
    const auto begin = [&](const TilePart& t) {
      return tiles.offsets[static_cast<std::size_t>(t.tile)];
    };
    const auto size = [&](const TilePart& t) {
      return tiles.bytes[static_cast<std::size_t>(t.tile)];
    };
    check(size(tile) > 0, ErrorCode::kSlide, "tile {} has no data", tile.tile);
    check(size(tile) <= file_.size() && begin(tile) <= file_.size() - size(tile), ErrorCode::kSlide,
          "tile {}: its {} bytes at {} lie beyond the file's {}", tile.tile, size(tile),
          begin(tile), file_.size());
    const bool together = !run.empty() && begin(tile) >= begin(run.back()) + size(run.back()) &&
                          begin(tile) - begin(run.back()) - size(run.back()) <= kRunGap &&
                          begin(tile) + size(tile) - begin(run.front()) <= kRunBytes;
    if (!together) {
      read_run(read, run);
      run.clear();
    }
    run.push_back(tile);
  }
  read_run(read, run);
}

/// True when the part could be had without decoding.
bool DirectSource::is_there(const Read& read, const TilePart& tile) {
  const TiffLevel& tiles = tiles_of(read.level);
  const Rect& part = tile.part;
  const RgbView out =
      read.out.window(part.x - read.inside.x, part.y - read.inside.y, part.w, part.h);
  if (!tiles.missing.empty() && tiles.missing[static_cast<std::size_t>(tile.tile)]) {
    if (read.level == 0)
      fill_white(out);
    else
      leave_to_openslide(read.level, part.x, part.y, out);
    return true;
  }
  const auto known = shared_.find(read.level, tile.tile);
  if (known == nullptr) return false;
  copy_part(known->data(), tile.place, part, out);
  return true;
}

void DirectSource::read_run(const Read& read, std::span<const TilePart> run) {
  if (run.empty()) return;
  thread_local std::vector<std::uint8_t> bytes;
  const TiffLevel& tiles = tiles_of(read.level);
  const auto first = static_cast<std::size_t>(run.front().tile);
  const auto last = static_cast<std::size_t>(run.back().tile);
  const std::uint64_t begin = tiles.offsets[first];
  const auto size = static_cast<std::size_t>(tiles.offsets[last] + tiles.bytes[last] - begin);
  if (bytes.size() < size) bytes.resize(size);
  file_.read(begin, {bytes.data(), size});
  for (const TilePart& tile : run) {
    const auto index = static_cast<std::size_t>(tile.tile);
    decode(read, tile, {bytes.data() + (tiles.offsets[index] - begin), tiles.bytes[index]});
    ++tiles_decoded_;
    note_progress();
  }
}

void DirectSource::decode(const Read& read, const TilePart& tile,
                          std::span<const std::uint8_t> jpeg) {
  thread_local JpegTileDecoder decoder;
  const JpegTileKind& kind = tiles_of(read.level).kind;
  const Rect& place = tile.place;
  const Rect& part = tile.part;
  const RgbView out =
      read.out.window(part.x - read.inside.x, part.y - read.inside.y, part.w, part.h);
  if (!shared_.wanted(read.level, place, read.region))
    return decoder.decode(kind, jpeg, {part.x - place.x, part.y - place.y, part.w, part.h}, out);
  const auto pixels = shared_.memory(static_cast<std::size_t>(3 * place.w * place.h));
  decoder.decode(kind, jpeg, {0, 0, place.w, place.h},
                 {pixels->data(), place.w, place.h, 3 * place.w});
  copy_part(pixels->data(), place, part, out);
  openslide_->rest();
  shared_.keep(read.level, tile.tile, pixels);
}

void DirectSource::expect(int level, std::span<const Rect> regions) {
  const TiffLevel& tiles = tiles_of(level);
  if (!reads(level)) return;
  for (const Rect& region : shared_.expect(level, regions, tiles.kind.width, tiles.kind.height))
    ask_for(level, region);
}

/// Has the file system fetch what the region needs, in few requests.
void DirectSource::ask_for(int level, const Rect& region) {
  const TiffLevel& tiles = tiles_of(level);
  const Rect inside = clip(region, tiles.width, tiles.height);
  if (inside.w == 0) return;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> parts;  // of the file: begin, end
  for (std::int64_t row = inside.y / tiles.kind.height;
       row * tiles.kind.height < inside.y + inside.h; ++row)
    for (std::int64_t column = inside.x / tiles.kind.width;
         column * tiles.kind.width < inside.x + inside.w; ++column) {
      const auto tile = static_cast<std::size_t>(tiles.tile(column, row));
      if (tiles.offsets[tile] <= file_.size())
        parts.emplace_back(tiles.offsets[tile], tiles.offsets[tile] + tiles.bytes[tile]);
    }
  std::sort(parts.begin(), parts.end());
  for (std::size_t i = 0; i < parts.size();) {
    const std::uint64_t begin = parts[i].first;
    std::uint64_t end = parts[i].second;
    for (++i; i < parts.size() && parts[i].first <= end + kRunGap; ++i)
      end = std::max(end, parts[i].second);
    file_.will_need(begin, end - begin);
  }
}

}  // namespace tilepool
