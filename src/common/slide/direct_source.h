#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/slide/input_file.h"
#include "common/slide/openslide_source.h"
#include "common/slide/shared_tiles.h"
#include "common/slide/source.h"
#include "common/slide/tiff_index.h"

namespace tilepool {

/// Pixels of a tiled TIFF or Aperio SVS with JPEG tiles, read from the file and decoded into the
/// caller's rows: at every place the pixels of OpenSlideSource, or an error where that gives one.
/// Thread-safe; a thread keeps one JPEG decoder. Tiles that lie together in the file are read
/// together.
///
/// What OpenSlide interpolates is left to it: levels whose downsample is not an integer, and in
/// Aperio's lower levels the tiles without data, which it makes up from the level above. So is a
/// region with a tile that cannot be decoded: the error has OpenSlide's words, and a run's results
/// do not depend on the reader. OpenSlide's cache and the shared tiles are never held both.
class DirectSource final : public SlideSource {
 public:
  /// `openslide` has opened the same file. Throws Error(kSlide) when the file cannot be opened.
  DirectSource(std::string path, std::vector<TiffLevel> levels,
               std::unique_ptr<OpenSlideSource> openslide);

  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int level, std::int64_t x, std::int64_t y, RgbView out) override;
  void read_at(int level, std::int64_t x0, std::int64_t y0, RgbView out) override;
  void expect(int level, std::span<const Rect> regions) override;
  /// Since it was opened.
  [[nodiscard]] std::uint64_t tiles_decoded() const { return tiles_decoded_; }

 private:
  /// A read in work. `inside` is the part of the region on the slide, `out` shows it.
  struct Read {
    int level;
    Rect region, inside;
    RgbView out;
  };
  /// A part of `inside` that lies in one tile.
  struct TilePart {
    std::int64_t tile;
    Rect place;  ///< the whole tile
    Rect part;
  };
  [[nodiscard]] const TiffLevel& tiles_of(int level) const;
  [[nodiscard]] bool reads(int level) const;
  void read_tiles(const Read& read);
  void read_row(const Read& read, std::int64_t row);
  [[nodiscard]] bool is_there(const Read& read, const TilePart& tile);
  void read_run(const Read& read, std::span<const TilePart> run);
  void decode(const Read& read, const TilePart& tile, std::span<const std::uint8_t> jpeg);
  void ask_for(int level, const Rect& region);
  void leave_to_openslide(int level, std::int64_t x, std::int64_t y, RgbView out);

  std::string path_;
  std::vector<TiffLevel> levels_;
  std::unique_ptr<OpenSlideSource> openslide_;
  SlideInfo info_;
  InputFile file_;
  SharedTiles shared_;
  std::atomic<std::uint64_t> tiles_decoded_{0};
};

}  // namespace tilepool
