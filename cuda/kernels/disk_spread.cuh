#pragma once

#include <cstdint>

#include "common/kernels/morphology.h"
#include "cuda/kernels/bits.cuh"

namespace tilepool::gpu {

/// A disk for kernels, by value. A pixel of row dy reaches half_width[dy] columns to either side,
/// and half_width falls from row to row: spreading row 0 by what it reaches beyond row 1, adding
/// row 1, spreading both by what row 1 reaches beyond row 2 and so on takes only as many shifts as
/// the radius.
struct DiskRows {
  std::int32_t radius = 0;
  std::uint8_t drop[256] = {};  ///< half_width[dy] - half_width[dy + 1]; 0 behind the last
};

[[nodiscard]] DiskRows disk_rows(const Disk& disk);

/// Up to this radius a tile of shared memory holds all that its pixels see, and 64 bits all that
/// the 32 pixels of a word see.
inline constexpr int kNear = 16;
inline constexpr int kTileWords = 16;
inline constexpr int kTileRows = 32;
inline constexpr int kTileThreads = 256;
/// Two words more on either side: of what a word on the rim sees the word next to it is read.
inline constexpr int kTilePitch = kTileWords + 4;
using TileRow = std::uint32_t[kTilePitch];

/// The tile of a block in a grid of tiles_of() blocks.
struct TilePlace {
  std::int64_t word, row;
};
[[nodiscard]] constexpr std::int64_t tiles_across(const BitPlane& bits) {
  return (bits.row_words() + kTileWords - 1) / kTileWords;
}
[[nodiscard]] constexpr std::int64_t tiles_of(const BitPlane& bits) {
  return tiles_across(bits) * ((bits.height + kTileRows - 1) / kTileRows);
}
__device__ __forceinline__ TilePlace tile_place(const BitPlane& bits) {
  const std::int64_t tile = blockIdx.x;
  const std::int64_t down = tile / tiles_across(bits);
  return {(tile - down * tiles_across(bits)) * kTileWords, down * kTileRows};
}

/// Fills `rows` rows of a tile from row `first_row` on; 0 outside the image.
__device__ __forceinline__ void load_tile(const BitPlane& bits, TilePlace place, int halo,
                                          TileRow* tile) {
  const int rows = kTileRows + 2 * halo;
  for (int i = static_cast<int>(threadIdx.x); i < rows * kTilePitch; i += kTileThreads) {
    const int row = i / kTilePitch;
    const int column = i - row * kTilePitch;
    tile[row][column] = bits.word(place.word + column - 2, place.row + row - halo);
  }
}

/// The pixels of the word from which some pixel of the disk is 1.
__device__ __forceinline__ std::uint32_t spread_in_tile(const TileRow* tile, int row, int column,
                                                        const DiskRows& disk) {
  const auto seen = [&](int r) {
    const std::uint32_t* at = &tile[r][column];
    return static_cast<std::uint64_t>(__funnelshift_r(at[-1], at[0], 16)) |
           static_cast<std::uint64_t>(__funnelshift_r(at[0], at[1], 16)) << 32;
  };
  std::uint64_t hit = 0;
  for (int dy = 0; dy <= disk.radius; ++dy) {
    hit |= seen(row - dy) | seen(row + dy);
    for (int k = disk.drop[dy]; k > 0; --k) hit |= hit << 1 | hit >> 1;
  }
  return static_cast<std::uint32_t>(hit >> 16);
}

/// out = 1 where some pixel of the disk is 1 in `in`, or its opposite; any radius. Not in place.
void spread_bits(Queue& queue, BitPlane in, const DiskRows& disk, bool opposite, BitPlane out);

}  // namespace tilepool::gpu
