#include "cuda/kernels/block_sum.cuh"
#include "cuda/kernels/components.h"
#include "cuda/kernels/links.cuh"
#include "cuda/kernels/pieces.cuh"

namespace tilepool::gpu {
namespace {

/// The roots in raster order. A chunk is the kThreads words of a block.
struct Numbering {
  BitPlane roots;
  std::int32_t* in_chunk = nullptr;      ///< [words] roots before the word in its chunk
  std::int32_t* before_chunk = nullptr;  ///< [chunks] roots before it

  [[nodiscard]] constexpr std::int64_t chunks() const {
    return (roots.count() + kThreads - 1) / kThreads;
  }
  /// 1 for the first.
  __device__ std::int32_t number_of(std::int32_t root) const {
    const auto width = static_cast<std::uint32_t>(roots.width);
    const std::uint32_t y = static_cast<std::uint32_t>(root) / width;
    const std::uint32_t x = static_cast<std::uint32_t>(root) - y * width;
    const std::int64_t word = y * roots.row_words() + x / 32;
    return before_chunk[word / kThreads] + in_chunk[word] +
           __popc(roots.words[word] & bits_to(x % 32));
  }
};

std::size_t numbering_bytes(std::int64_t width, std::int64_t height) {
  const std::size_t plane = bits_bytes(width, height);
  return 2 * plane + arena_bytes((plane / 4 + kThreads - 1) / kThreads * 4);
}

Numbering take_numbering(Queue& queue, const BitPlane& like) {
  Numbering n{take_bits(queue, like.width, like.height)};
  n.in_chunk = queue.scratch().take<std::int32_t>(static_cast<std::size_t>(like.count())).data();
  n.before_chunk = queue.scratch().take<std::int32_t>(static_cast<std::size_t>(n.chunks())).data();
  return n;
}

/// Points every node to its root and counts the roots of each chunk.
__global__ void count_roots_kernel(Pieces pieces, Numbering n) {
  const std::int64_t word = element();
  std::uint32_t roots = 0;
  if (word < n.roots.count()) {
    const std::int64_t y = word / n.roots.row_words();
    const std::int64_t x = (word - y * n.roots.row_words()) * 32;
    for (std::uint32_t m = pieces.starts.words[word]; m != 0; m &= m - 1) {
      const std::int32_t node = pieces.node(x + lowest_bit(m), y);
      const std::int32_t root = find_root(pieces.parent, node);
      if (root == node) {
        roots |= m & (~m + 1);
      } else {
        pieces.parent[node] = root;
      }
    }
  }
  const BlockSum sum = block_sum(__popc(roots));
  if (word < n.roots.count()) {
    n.roots.words[word] = roots;
    n.in_chunk[word] = sum.before;
  }
  if (threadIdx.x == 0) n.before_chunk[blockIdx.x] = sum.total;
}

constexpr int kChunksAThread = 8;

/// One block: the sums of the chunks become the sums before them.
__global__ void sum_chunks_kernel(std::int32_t* chunks, std::int64_t size, std::int32_t* count) {
  std::int32_t sum = 0;
  for (std::int64_t begin = 0; begin < size; begin += kThreads * kChunksAThread) {
    const std::int64_t first = begin + threadIdx.x * kChunksAThread;
    std::int32_t values[kChunksAThread];
    std::int32_t own = 0;
    for (int k = 0; k < kChunksAThread; ++k) {
      values[k] = first + k < size ? chunks[first + k] : 0;
      own += values[k];
    }
    const BlockSum before = block_sum(own);
    std::int32_t next = sum + before.before;
    for (int k = 0; k < kChunksAThread; ++k) {
      if (first + k < size) chunks[first + k] = next;
      next += values[k];
    }
    sum += before.total;
  }
  if (threadIdx.x == 0) *count = sum;
}

constexpr int kWordsAThread = 4;  ///< loads under way at once

__global__ void write_labels_kernel(Pieces pieces, Numbering n, ImageView<std::int32_t> labels) {
  const auto lane = static_cast<unsigned>(threadIdx.x % 32);
  const std::int64_t across = n.roots.row_words();
  const std::int64_t first = element() / 32 * kWordsAThread;
  std::uint32_t starts[kWordsAThread];  // of the pixel's run and those to the left; 0: no label
  for (int k = 0; k < kWordsAThread; ++k) {
    const bool inside = first + k < n.roots.count();
    const std::uint32_t occupied = inside ? pieces.occupied.words[first + k] : 0;
    const std::uint32_t all = inside ? pieces.starts.words[first + k] : 0;
    starts[k] = (occupied >> lane & 1U) == 0 ? 0 : all & bits_to(lane);
  }
  std::int32_t label[kWordsAThread];
  for (int k = 0; k < kWordsAThread; ++k) {
    const std::int64_t y = (first + k) / across;
    const std::int64_t x = (first + k - y * across) * 32;
    label[k] = starts[k] == 0 ? -1 : pieces.parent[pieces.node(x + highest_bit(starts[k]), y)];
  }
  for (std::int32_t& value : label) value = value < 0 ? 0 : n.number_of(value);
  for (int k = 0; k < kWordsAThread; ++k) {
    const std::int64_t y = (first + k) / across;
    const std::int64_t x = (first + k - y * across) * 32 + lane;
    if (y < labels.height && x < labels.width) labels.at(x, y) = label[k];
  }
}

template <class Source>
void label_pieces(Queue& queue, const Source& source, ImageView<std::int32_t> labels,
                  std::int32_t* count) {
  const Pieces pieces = join_pieces(queue, source);
  const Numbering n = take_numbering(queue, source.occupied);
  const std::int64_t words = n.roots.count();
  launch_over(queue, "count_roots", count_roots_kernel, words, pieces, n);
  launch(queue, "sum_chunks", sum_chunks_kernel, dim3(1), dim3(kThreads), n.before_chunk,
         n.chunks(), count);
  const std::int64_t warps = (words + kWordsAThread - 1) / kWordsAThread;
  launch_over(queue, "write_labels", write_labels_kernel, 32 * warps, pieces, n, labels);
}

}  // namespace

std::size_t label_components_scratch_bytes(std::int64_t width, std::int64_t height) {
  return bits_bytes(width, height) + pieces_bytes(width, height) + numbering_bytes(width, height);
}

std::size_t relabel_components_scratch_bytes(std::int64_t width, std::int64_t height) {
  return label_links_bytes(width, height) + pieces_bytes(width, height) +
         numbering_bytes(width, height);
}

void label_components(Queue& queue, ImageView<const std::uint8_t> mask, Connectivity connectivity,
                      ImageView<std::int32_t> labels, std::int32_t* count) {
  const ScratchScope scope(queue);
  const BitPlane bits = take_bits(queue, mask.width, mask.height);
  pack_mask(queue, mask, false, bits);
  label_pieces(queue, MaskLinks{bits, connectivity == Connectivity::kEight}, labels, count);
}

void relabel_components(Queue& queue, ImageView<std::int32_t> labels, Connectivity connectivity,
                        std::int32_t* count) {
  const ScratchScope scope(queue);
  label_pieces(queue, take_label_links(queue, labels, connectivity), labels, count);
}

}  // namespace tilepool::gpu
