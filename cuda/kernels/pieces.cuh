#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/kernels/bits.cuh"
#include "cuda/kernels/links.cuh"

namespace tilepool::gpu {

/// The connected pieces of an image. Its nodes are the first pixels of runs, runs being cut between
/// words; a node is known by its number y * width + x. parent[] of all else is not set.
struct Pieces {
  BitPlane occupied;
  BitPlane starts;                 ///< the nodes
  std::int32_t* parent = nullptr;  ///< [pixels] of the same piece, never larger; the root: itself

  [[nodiscard]] constexpr std::int32_t node(std::int64_t x, std::int64_t y) const {
    return static_cast<std::int32_t>(y * occupied.width + x);
  }
  /// The node of pixel (x, y), which must be occupied.
  __device__ std::int32_t node_of(std::int64_t x, std::int64_t y) const {
    const std::uint32_t word = starts.words[y * starts.row_words() + x / 32];
    return node(x / 32 * 32 + highest_bit(word & bits_to(static_cast<unsigned>(x % 32))), y);
  }
};

/// Joins all pieces: a root is the first pixel of its piece in raster order. The planes stay in the
/// queue's scratch.
[[nodiscard]] Pieces join_pieces(Queue& queue, const MaskLinks& links);
[[nodiscard]] Pieces join_pieces(Queue& queue, const LabelLinks& links);
[[nodiscard]] std::size_t pieces_bytes(std::int64_t width, std::int64_t height);

/// The root of a node. A parent below 0 is a root too: one that holds something else instead.
__device__ __forceinline__ std::int32_t find_root(const std::int32_t* parent, std::int32_t node) {
  const volatile std::int32_t* const now = parent;
  for (;;) {
    const std::int32_t up = now[node];
    if (up == node || up < 0) return node;
    node = up;
  }
}

}  // namespace tilepool::gpu
