#include <algorithm>

#include "cuda/kernels/holes.h"
#include "cuda/kernels/pieces.cuh"

namespace tilepool::gpu {
namespace {

constexpr std::int64_t kMaxHole = std::int64_t{1} << 29;  ///< as on the CPU

// When every node points to its root, the parent of a root holds -1 - the area counted so far, or
// this when the piece touches the border.
constexpr std::int32_t kKept = INT32_MIN;

/// The place of a word and the pieces' runs in it.
struct WordRuns {
  std::int64_t x = 0, y = 0;
  std::uint32_t starts = 0, occupied = 0;

  __device__ WordRuns(const Pieces& pieces, std::int64_t word) {
    if (word >= pieces.starts.count()) return;
    y = word / pieces.starts.row_words();
    x = (word - y * pieces.starts.row_words()) * 32;
    starts = pieces.starts.words[word];
    occupied = pieces.occupied.words[word];
  }
  /// The pixels of the run that begins at the lowest bit of `rest`, a part of `starts`.
  [[nodiscard]] __device__ std::uint32_t run(std::uint32_t rest) const {
    const std::uint32_t start = rest & (~rest + 1);
    const std::uint32_t next = rest & (rest - 1);
    const std::uint32_t below_next = next == 0 ? ~0U : (next & (~next + 1)) - 1;
    return occupied & below_next & ~(start - 1);
  }
};

__global__ void flatten_kernel(Pieces pieces) {
  const WordRuns word(pieces, element());
  const std::int64_t last_x = pieces.occupied.width - 1 - word.x;
  const bool edge_row = word.y == 0 || word.y == pieces.occupied.height - 1;
  const std::uint32_t edge =
      edge_row ? ~0U : (word.x == 0 ? 1U : 0U) | (last_x < 32 ? 1U << last_x : 0U);
  for (std::uint32_t rest = word.starts; rest != 0; rest &= rest - 1) {
    const std::int32_t node = pieces.node(word.x + lowest_bit(rest), word.y);
    const std::int32_t root = find_root(pieces.parent, node);
    if (root == node) {
      atomicCAS(pieces.parent + node, node, -1);
    } else {
      pieces.parent[node] = root;
    }
    if ((word.run(rest) & edge) != 0) atomicMin(pieces.parent + root, kKept);
  }
}

/// A piece larger than `full` - 1 is not counted further: the sum of what all threads add meanwhile
/// is at most the number of pixels, which 32 bits hold.
__global__ void count_areas_kernel(Pieces pieces, std::int32_t full) {
  const WordRuns word(pieces, element());
  for (std::uint32_t rest = word.starts; rest != 0; rest &= rest - 1) {
    const std::int32_t node = pieces.node(word.x + lowest_bit(rest), word.y);
    const volatile std::int32_t* const now = pieces.parent;
    const std::int32_t parent = now[node];
    const std::int32_t root = parent < 0 ? node : parent;
    const std::int32_t counted = parent < 0 ? parent : now[root];
    if (counted >= -full) atomicSub(pieces.parent + root, __popc(word.run(rest)));
  }
}

__global__ void fill_kernel(Pieces pieces, std::int32_t full, ImageView<std::uint8_t> mask) {
  const WordRuns word(pieces, element());
  std::uint32_t filled = 0;
  for (std::uint32_t rest = word.starts; rest != 0; rest &= rest - 1) {
    const std::int32_t parent = pieces.parent[pieces.node(word.x + lowest_bit(rest), word.y)];
    const std::int32_t counted = parent < 0 ? parent : pieces.parent[parent];
    if (counted >= -full) filled |= word.run(rest);
  }
  for (; filled != 0; filled &= filled - 1) mask.at(word.x + lowest_bit(filled), word.y) = 1;
}

}  // namespace

std::size_t fill_holes_scratch_bytes(std::int64_t width, std::int64_t height) {
  return bits_bytes(width, height) + pieces_bytes(width, height);
}

void fill_holes(Queue& queue, ImageView<std::uint8_t> mask, std::int64_t max_area_px) {
  const auto full = static_cast<std::int32_t>(std::min(max_area_px, kMaxHole) + 1);
  if (full <= 1) return;
  const ScratchScope scope(queue);
  const BitPlane zeros = take_bits(queue, mask.width, mask.height);
  pack_mask(queue, mask, true, zeros);
  const Pieces pieces = join_pieces(queue, MaskLinks{zeros, false});
  launch_over(queue, "flatten_holes", flatten_kernel, zeros.count(), pieces);
  launch_over(queue, "count_holes", count_areas_kernel, zeros.count(), pieces, full);
  launch_over(queue, "fill_holes", fill_kernel, zeros.count(), pieces, full, mask);
}

}  // namespace tilepool::gpu
