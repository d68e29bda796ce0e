#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/slide_info.h"
#include "common/slide/jpeg_tile_decoder.h"

namespace tilepool {

/// What the tile table of an open slide may come to hold.
inline constexpr std::size_t kTileTableBytes = std::size_t{8} << 20;

/// One level of a tiled TIFF whose tiles are JPEG. Tiles are numbered row by row.
struct TiffLevel {
  std::int64_t width = 0, height = 0;  ///< px
  std::int64_t columns = 0, rows = 0;  ///< of tiles
  JpegTileKind kind;
  std::vector<std::uint64_t> offsets;  ///< in the file; a tile may claim to lie beyond its end
  std::vector<std::uint32_t> bytes;    ///< 0: the tile has no data; else at most most_bytes()
  std::vector<bool> missing;           ///< tiles that Aperio's reader makes up; empty: none

  [[nodiscard]] std::int64_t tile(std::int64_t column, std::int64_t row) const {
    return row * columns + column;
  }
  /// No JPEG of a tile is longer.
  [[nodiscard]] std::uint64_t most_bytes() const {
    return static_cast<std::uint64_t>(12 * kind.width * kind.height + 65536);
  }
};

/// The levels of `info` (as OpenSlide gave it for `path`), found in the file with libtiff by the
/// rules of OpenSlide 3.4.1 for generic TIFF and Aperio SVS. Throws Error(kSlide) with the first
/// thing that is not known: it is no damage, but another reader must take the file.
[[nodiscard]] std::vector<TiffLevel> index_tiff(const std::string& path, const SlideInfo& info);

/// True for an Aperio slide with tiles without data and a level of more than twice the tiles of the
/// one before: OpenSlide 3.4.1 divides by zero (propagate_missing_tile of vendor-aperio.c).
[[nodiscard]] bool breaks_aperio(const std::string& path);

}  // namespace tilepool
