#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/slide/input_file.h"
#include "common/slide/openslide_source.h"
#include "common/slide/source.h"
#include "common/slide/tiff_index.h"

namespace tilepool {

/// Pixels of a tiled TIFF or Aperio SVS with JPEG tiles, read from the file and decoded into the
/// caller's rows: at every place the pixels of OpenSlideSource, or an error where that gives one.
/// Thread-safe; a thread keeps one JPEG decoder.
///
/// What OpenSlide interpolates is left to it: levels whose downsample is not an integer, and in
/// Aperio's lower levels the tiles without data, which it makes up from the level above. So is a
/// region with a tile that cannot be decoded: the error has OpenSlide's words, and a run's results
/// do not depend on the reader.
class DirectSource final : public SlideSource {
 public:
  /// `openslide` has opened the same file. Throws Error(kSlide) when the file cannot be opened.
  DirectSource(std::string path, std::vector<TiffLevel> levels,
               std::unique_ptr<OpenSlideSource> openslide);

  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int level, std::int64_t x, std::int64_t y, RgbView out) override;

 private:
  void read_tiles(int level, std::int64_t x, std::int64_t y, RgbView out);
  void read_tile(int level, std::int64_t column, std::int64_t row, const Rect& inside, RgbView out);
  void decode_tile(const TiffLevel& level, std::int64_t tile, const Rect& wanted, RgbView out);

  std::string path_;
  std::vector<TiffLevel> levels_;
  std::unique_ptr<OpenSlideSource> openslide_;
  SlideInfo info_;
  InputFile file_;
};

}  // namespace tilepool
