#include "common/slide/openslide_source.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <utility>

#include <openslide/openslide.h>

#include "common/base/error.h"
#include "common/base/progress.h"
#include "common/slide/file_probe.h"
#include "common/slide/fingerprint.h"
#include "common/slide/mpp.h"
#include "common/slide/region.h"
#include "common/slide/tiff_index.h"

namespace tilepool {
namespace {

constexpr std::int64_t kPiecePixels = kPieceBytes / sizeof(std::uint32_t);
constexpr std::int64_t kPieceEdge = 1024;  // kPieceEdge^2 == kPiecePixels

std::optional<std::string> property(openslide_t* slide, const std::string& name) {
  const char* value = openslide_get_property_value(slide, name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

double number_or_nan(const std::optional<std::string>& text) {
  double number = std::numeric_limits<double>::quiet_NaN();
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

std::int64_t tile_edge(openslide_t* slide, int level, const char* axis) {
  const auto text = property(slide, fmt::format("openslide.level[{}].tile-{}", level, axis));
  return text ? std::strtoll(text->c_str(), nullptr, 10) : 0;
}

/// True when OpenSlide decodes the tiles itself (JPEG, Aperio's JPEG 2000), false when it leaves
/// them to TIFFReadRGBATile.
bool decoded_by_openslide(const std::string& path) {
  const std::uint64_t compression = first_tiff_compression(path);
  return compression == 0 || compression == 7 || compression == 33003 || compression == 33005;
}

/// The thread's piece buffer; a read never nests in another.
std::uint32_t* piece_buffer() {
  thread_local std::vector<std::uint32_t> buffer(static_cast<std::size_t>(kPiecePixels));
  return buffer.data();
}

/// Premultiplied ARGB over white: c * a + 255 * (1 - a) is the premultiplied colour + 255 - alpha.
void composite_row(const std::uint32_t* argb, std::int64_t width, std::uint8_t* rgb) {
  for (std::int64_t i = 0; i < width; ++i, rgb += 3) {
    const std::uint32_t pixel = argb[i];
    const std::uint32_t white = 255 - (pixel >> 24);
    rgb[0] = static_cast<std::uint8_t>(std::min(255U, (pixel >> 16 & 0xFF) + white));
    rgb[1] = static_cast<std::uint8_t>(std::min(255U, (pixel >> 8 & 0xFF) + white));
    rgb[2] = static_cast<std::uint8_t>(std::min(255U, (pixel & 0xFF) + white));
  }
}

}  // namespace

OpenSlideSource::OpenSlideSource(std::string path, std::optional<double> mpp_override)
    : path_(std::move(path)) {
  check_slide_file(path_);
  const std::string claim = why_impossible(path_);
  check(claim.empty(), ErrorCode::kSlide, "{}: {}",
        std::filesystem::path(path_).filename().string(), claim);
  check(!breaks_aperio(path_), ErrorCode::kSlide, "{}: a level has more tiles than the one before",
        std::filesystem::path(path_).filename().string());
  handle_ = open_handle();
  read_levels(handle_.get());
  read_properties(handle_.get(), mpp_override);
  plan_pieces(handle_.get());
}

OpenSlideSource::Handle OpenSlideSource::open_handle() const {
  openslide_t* raw = openslide_open(path_.c_str());
  if (raw == nullptr) {
    const std::string why = why_not_recognised(path_);
    fail(ErrorCode::kSlide, "{}: not a file that OpenSlide can recognize{}{}",
         std::filesystem::path(path_).filename().string(), why.empty() ? "" : ": ", why);
  }
  Handle slide(raw, openslide_close);
  if (const char* error = openslide_get_error(raw)) {
    fail(ErrorCode::kSlide, "{}: OpenSlide: {}", std::filesystem::path(path_).filename().string(),
         one_line(error));
  }
  return slide;
}

void OpenSlideSource::read_levels(openslide_t* slide) {
  for (int level = 0; level < openslide_get_level_count(slide); ++level) {
    LevelInfo entry;
    openslide_get_level_dimensions(slide, level, &entry.width, &entry.height);
    entry.downsample = openslide_get_level_downsample(slide, level);
    const bool below_a_tile = entry.width < tile_edge(slide, level, "width") ||
                              entry.height < tile_edge(slide, level, "height");
    if (below_a_tile && level > 0) break;
    check(!below_a_tile || decoded_by_openslide(path_), ErrorCode::kSlide,
          "{}: {} x {} px is less than one of its TIFF tiles, which libtiff misreads; save it with "
          "smaller tiles or as JPEG",
          path_, entry.width, entry.height);
    info_.levels.push_back(entry);
  }
  check(!info_.levels.empty(), ErrorCode::kSlide, "{}: the slide has no image level", path_);
  info_.width = info_.levels.front().width;
  info_.height = info_.levels.front().height;
  check(info_.width > 0 && info_.height > 0, ErrorCode::kSlide, "{}: the slide has {} x {} pixels",
        path_, info_.width, info_.height);
}

void OpenSlideSource::read_properties(openslide_t* slide, std::optional<double> mpp_override) {
  info_.reader = "openslide";
  info_.vendor = property(slide, OPENSLIDE_PROPERTY_NAME_VENDOR).value_or("");
  const Mpp mpp = resolve_mpp(
      mpp_override,
      {property(slide, OPENSLIDE_PROPERTY_NAME_MPP_X),
       property(slide, OPENSLIDE_PROPERTY_NAME_MPP_Y), property(slide, "tiff.XResolution"),
       property(slide, "tiff.YResolution"), property(slide, "tiff.ResolutionUnit")});
  info_.mpp_x = mpp.x;
  info_.mpp_y = mpp.y;
  info_.mpp_source = mpp.source;
  info_.mpp_problem = mpp.problem;
  info_.centre_offset_x_nm = number_or_nan(property(slide, "hamamatsu.XOffsetFromSlideCentre"));
  info_.centre_offset_y_nm = number_or_nan(property(slide, "hamamatsu.YOffsetFromSlideCentre"));
  info_.fingerprint = slide_fingerprint(path_);
}

void OpenSlideSource::plan_pieces(openslide_t* slide) {
  for (int level = 0; level < static_cast<int>(info_.levels.size()); ++level) {
    LevelPieces pieces;
    const double downsample = info_.levels[static_cast<std::size_t>(level)].downsample;
    pieces.exact = downsample == std::floor(downsample);
    const std::int64_t tile_w = tile_edge(slide, level, "width");
    const std::int64_t tile_h = tile_edge(slide, level, "height");
    const auto whole_tiles = [](std::int64_t tile, std::int64_t edge) {
      return tile > 0 && tile <= edge ? edge / tile * tile : edge;
    };
    if (tile_w <= kPieceEdge) {
      pieces.width = whole_tiles(tile_w, kPieceEdge);
      pieces.height = whole_tiles(tile_h, kPieceEdge);
    } else {
      // A tile wider than a piece (NDPI: a strip of 8 rows across the slide) is decoded whole for
      // any part of it, so the piece spans it and is flat instead.
      pieces.width = std::min(kPiecePixels, tile_w);
      pieces.height = whole_tiles(tile_h, kPiecePixels / pieces.width);
    }
    pieces_.push_back(pieces);
  }
}

void OpenSlideSource::read(int level, std::int64_t x, std::int64_t y, RgbView out) {
  check(level >= 0 && level < static_cast<int>(info_.levels.size()), ErrorCode::kInternal,
        "{}: level {} of {} levels", path_, level, info_.levels.size());
  const LevelInfo& dims = info_.levels[static_cast<std::size_t>(level)];
  const LevelPieces& pieces = pieces_[static_cast<std::size_t>(level)];
  const Rect region{x, y, out.width, out.height};
  const Rect inside = clip(region, dims.width, dims.height);
  if (inside.w == 0) return fill_white(out);
  whiten_outside(out, region, inside);
  for (std::int64_t row = inside.y / pieces.height; row * pieces.height < inside.y + inside.h;
       ++row) {
    for (std::int64_t col = inside.x / pieces.width; col * pieces.width < inside.x + inside.w;
         ++col) {
      const Rect cell{col * pieces.width, row * pieces.height, pieces.width, pieces.height};
      read_cell(level, cell, inside, out.window(inside.x - x, inside.y - y, inside.w, inside.h));
    }
  }
}

void OpenSlideSource::read_at(int level, std::int64_t x0, std::int64_t y0, RgbView out) {
  if (pieces_.at(static_cast<std::size_t>(level)).exact)
    return SlideSource::read_at(level, x0, y0, out);
  const double downsample = info_.levels[static_cast<std::size_t>(level)].downsample;
  const std::int64_t rows = std::max<std::int64_t>(1, kPiecePixels / out.width);
  for (std::int64_t y = 0; y < out.height; y += rows) {
    const Piece piece{level, x0, y0 + std::llround(static_cast<double>(y) * downsample), out.width,
                      std::min(rows, out.height - y)};
    std::uint32_t* argb = piece_buffer();
    read_argb(piece, argb);
    note_progress();
    for (std::int64_t row = 0; row < piece.height; ++row)
      composite_row(argb + row * piece.width, piece.width, out.row(y + row));
  }
}

/// Reads the part of `region` in `cell` of the lattice; `out` shows `region`.
void OpenSlideSource::read_cell(int level, Rect cell, const Rect& region, RgbView out) {
  const Rect part = intersection(cell, region);
  const bool exact = pieces_[static_cast<std::size_t>(level)].exact;
  const std::int64_t from_x = exact ? part.x : cell.x;
  const std::int64_t from_y = exact ? part.y : cell.y;
  const double downsample = info_.levels[static_cast<std::size_t>(level)].downsample;
  const Piece piece{level, std::llround(static_cast<double>(from_x) * downsample),
                    std::llround(static_cast<double>(from_y) * downsample),
                    part.x + part.w - from_x, part.y + part.h - from_y};
  std::uint32_t* argb = piece_buffer();
  read_argb(piece, argb);
  note_progress();
  for (std::int64_t y = part.y; y < part.y + part.h; ++y) {
    composite_row(argb + (y - from_y) * piece.width + (part.x - from_x), part.w,
                  out.row(y - region.y) + 3 * (part.x - region.x));
  }
}

void OpenSlideSource::read_argb(const Piece& piece, std::uint32_t* argb) {
  const Handle slide = current();
  openslide_read_region(slide.get(), argb, piece.x0, piece.y0, piece.level, piece.width,
                        piece.height);
  if (openslide_get_error(slide.get()) != nullptr) read_again(piece, argb, slide);
}

void OpenSlideSource::read_again(const Piece& piece, std::uint32_t* argb, const Handle& dead) {
  const std::lock_guard retry(retry_mutex_);
  {
    const std::lock_guard lock(handle_mutex_);
    if (handle_ == dead) handle_.reset();
  }
  Handle fresh = open_handle();
  openslide_read_region(fresh.get(), argb, piece.x0, piece.y0, piece.level, piece.width,
                        piece.height);
  if (const char* error = openslide_get_error(fresh.get())) {
    fail(ErrorCode::kSlide, "{}: cannot read {} x {} px of level {} at level-0 ({}, {}): {}",
         std::filesystem::path(path_).filename().string(), piece.width, piece.height, piece.level,
         piece.x0, piece.y0, one_line(error));
  }
  const std::lock_guard lock(handle_mutex_);
  if (!handle_) handle_ = std::move(fresh);
}

void OpenSlideSource::rest() {
  const std::lock_guard lock(handle_mutex_);
  handle_.reset();
}

OpenSlideSource::Handle OpenSlideSource::current() {
  const std::lock_guard lock(handle_mutex_);
  if (!handle_) {
    handle_ = open_handle();
    std::int64_t width = 0;
    std::int64_t height = 0;
    openslide_get_level0_dimensions(handle_.get(), &width, &height);
    check(width == info_.width && height == info_.height, ErrorCode::kSlide,
          "{} changed while it was read: {} x {} px, before {} x {}", path_, width, height,
          info_.width, info_.height);
  }
  return handle_;
}

}  // namespace tilepool
