#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// What the JPEG tiles of one TIFF level have in common.
struct JpegTileKind {
  std::int64_t width = 0, height = 0;  ///< of a tile, px
  bool ycbcr = false;                  ///< the TIFF's photometric, which overrules the JPEG's own
  std::vector<std::uint8_t> tables;    ///< the TIFF's JPEGTables; empty: none
  std::uint64_t id = 0;                ///< differs between kinds, never 0
};

/// Decodes the JPEG tiles of tiled TIFFs to the pixels that OpenSlide 3.4.1 gives: libjpeg's own
/// settings (accurate integer DCT, fancy upsampling), and what libjpeg only warns of is an error.
/// One object a thread; it keeps libjpeg's state from tile to tile, but no tables of one tile are
/// ever used for another.
///
/// Only the wanted part of a tile is transformed and converted. The rest is still parsed, so that a
/// damaged tile is an error whatever part of it is wanted.
class JpegTileDecoder {
 public:
  JpegTileDecoder();
  ~JpegTileDecoder();
  JpegTileDecoder(const JpegTileDecoder&) = delete;
  JpegTileDecoder& operator=(const JpegTileDecoder&) = delete;

  /// Writes the part `wanted` (in the tile, not empty) of the tile in `jpeg` to `out`, which has
  /// the size of `wanted`. Throws Error(kSlide) with libjpeg's own words.
  void decode(const JpegTileKind& kind, std::span<const std::uint8_t> jpeg, const Rect& wanted,
              RgbView out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tilepool
