#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/image_view.h"

typedef struct tiff TIFF;  // NOLINT: the library's own declaration

namespace tilepool {

struct PyramidOptions {
  std::int64_t width = 0, height = 0;
  double mpp_um = 0;  ///< goes into XResolution / YResolution, per centimetre
  std::int64_t tile_px = 256;
  bool jpeg = true;  ///< YCbCr 4:2:0 in complete JPEG streams; else uncompressed RGB
  int jpeg_quality = 85;
  int threads = 1;
};

/// Writes a tiled, pyramidal TIFF (BigTIFF when it may pass 2 GiB) as a stream, factor 2 from level
/// to level down to 512 px or one tile, 2 x 2 box means. Holds one row of tiles per level: twice
/// width * tile_px * 3 bytes in all. Coarser levels wait compressed in an anonymous temporary file
/// beside the TIFF until level 0 is done, since a TIFF takes one directory at a time.
class PyramidWriter {
 public:
  /// Paints a part of level 0, whose corner is a multiple of tile_px; called from `threads` threads
  /// at once, `thread` in 0..threads-1.
  using Paint = std::function<void(int thread, std::int64_t x, std::int64_t y, RgbView out)>;

  PyramidWriter(const std::filesystem::path& path, const PyramidOptions& options);
  ~PyramidWriter();
  PyramidWriter(const PyramidWriter&) = delete;
  PyramidWriter& operator=(const PyramidWriter&) = delete;

  /// Writes everything. Throws Error(kIo); then the file is incomplete.
  void write(const Paint& paint);

 private:
  struct Level;
  using Tile = std::vector<std::uint8_t>;

  void begin_directory(const Level& level, bool reduced);
  void write_tile(std::size_t level, std::uint32_t index, const Tile& bytes);
  void finish_row(std::size_t level);
  void shrink_row(std::size_t level);
  void append_spooled_levels();
  [[nodiscard]] Tile encode(const Level& level, std::int64_t column, int thread) const;
  void for_each_column(std::int64_t columns,
                       const std::function<void(int thread, std::int64_t column)>& work) const;

  std::filesystem::path path_;
  PyramidOptions options_;
  std::unique_ptr<TIFF, void (*)(TIFF*)> tiff_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> spool_;
  std::vector<Level> levels_;
  std::vector<std::shared_ptr<void>> encoders_;  ///< one turbojpeg handle a thread
};

}  // namespace tilepool
