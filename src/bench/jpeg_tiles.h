#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/timing.h"
#include "common/base/image_view.h"
#include "common/memory/buffer.h"
#include "common/slide/tiff_index.h"

namespace tilepool {

/// JPEG tiles of one level in memory, as they lie in the file, each a complete stream.
class JpegTiles {
 public:
  /// Loads the tiles that `windows` (level pixels, may stick out) touch, each once, as long as
  /// `most_bytes` are not passed; tiles without data are left out. Their memory is of `budget`.
  /// Throws Error(kSlide) when they cannot be read or there is none, Error(kBudget).
  JpegTiles(const std::string& path, const TiffLevel& level, const std::vector<Rect>& windows,
            std::size_t most_bytes, Budget& budget);

  /// Pixels a second that libjpeg-turbo's own decoder gives with so many threads. Throws
  /// Error(kSlide) when it refuses a tile, and what pixels_per_second throws.
  [[nodiscard]] double decode_rate(int threads, double seconds, const StopAsked& stop,
                                   Budget& budget) const;

  [[nodiscard]] std::size_t count() const { return streams_.size(); }
  [[nodiscard]] double mean_bytes() const;
  /// Of a tile, level pixels.
  [[nodiscard]] std::int64_t tile_px() const { return width_ * height_; }

 private:
  std::int64_t width_, height_;
  Buffer<std::uint8_t> bytes_;
  std::vector<std::span<const std::uint8_t>> streams_;  ///< in bytes_
};

/// Tiles of `level` (their numbers, ascending) that touch one of `windows`.
[[nodiscard]] std::vector<std::int64_t> touched_tiles(const TiffLevel& level,
                                                      const std::vector<Rect>& windows);

}  // namespace tilepool
