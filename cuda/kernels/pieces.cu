#include "cuda/kernels/pieces.cuh"

namespace tilepool::gpu {
namespace {

// Pieces are joined inside tiles in shared memory, then over the borders of tiles.
constexpr int kWords = 4;
constexpr int kColumns = 32 * kWords;
constexpr int kRows = 64;
constexpr int kJoinThreads = kWords * kRows;  ///< one a word

constexpr std::int64_t tiles(std::int64_t size, std::int64_t each) {
  return (size + each - 1) / each;
}

/// The root of a node; shortens the way there for those who come after. Whoever stores here stores
/// an older member of the same piece, so that it does not matter whose store stays.
__device__ __forceinline__ std::int32_t climb(std::int32_t* parent, std::int32_t node) {
  volatile std::int32_t* const now = parent;
  std::int32_t up = now[node];
  while (up != node) {
    const std::int32_t next = now[up];
    if (next != up) now[node] = next;
    node = up;
    up = next;
  }
  return node;
}

__device__ __forceinline__ void unite(std::int32_t* parent, std::int32_t a, std::int32_t b) {
  for (;;) {
    a = climb(parent, a);
    b = climb(parent, b);
    if (a == b) return;
    const std::int32_t larger = max(a, b);
    const std::int32_t smaller = min(a, b);
    const std::int32_t before = atomicMin(parent + larger, smaller);
    if (before == larger) return;
    // Somebody else was quicker: what it was joined with meanwhile is joined too.
    a = before;
    b = smaller;
  }
}

/// Calls unite_at(x of the pixel, x of the pixel above it) for each link, x within the word.
template <class UniteAt>
__device__ __forceinline__ void for_each_up(const Links& links, UniteAt unite_at) {
  for (std::uint32_t m = links.up; m != 0; m &= m - 1) unite_at(lowest_bit(m), lowest_bit(m));
  for (std::uint32_t m = links.up_left; m != 0; m &= m - 1) {
    unite_at(lowest_bit(m), lowest_bit(m) - 1);
  }
  for (std::uint32_t m = links.up_right; m != 0; m &= m - 1) {
    unite_at(lowest_bit(m), lowest_bit(m) + 1);
  }
}

struct JoinTile {
  std::int32_t parent[kRows * kColumns];
  std::uint32_t starts[kRows][kWords];

  __device__ std::int32_t node_of(int x, int y) const {
    const std::uint32_t word = starts[y][x / 32] & bits_to(static_cast<unsigned>(x % 32));
    return y * kColumns + x / 32 * 32 + highest_bit(word);
  }
};

__device__ void join_in_tile(Links links, int word, int row, JoinTile& tile) {
  if (word == 0) {
    links.left &= ~1U;
    links.up_left &= ~1U;
    links.up_before = false;
  }
  if (word == kWords - 1) links.up_right &= ~(1U << 31);
  const int x = 32 * word;
  if ((links.left & 1U) != 0) {
    unite(tile.parent, tile.node_of(x, row), tile.node_of(x - 1, row));
  }
  if (row == 0) return;
  links.thin_out();
  for_each_up(links, [&](int from, int to) {
    unite(tile.parent, tile.node_of(x + from, row), tile.node_of(x + to, row - 1));
  });
}

template <class Source>
__global__ void __launch_bounds__(kJoinThreads) join_tiles_kernel(Source source, Pieces pieces) {
  __shared__ JoinTile tile;
  const std::int64_t across = tiles(pieces.starts.row_words(), kWords);
  const std::int64_t down = blockIdx.x / across;
  const int word = static_cast<int>(threadIdx.x) % kWords;
  const int row = static_cast<int>(threadIdx.x) / kWords;
  const std::int64_t w = (blockIdx.x - down * across) * kWords + word;
  const std::int64_t y = down * kRows + row;
  const bool inside = w < pieces.starts.row_words() && y < pieces.starts.height;
  const Links links = inside ? source.at(w, y) : Links{};
  const std::uint32_t starts = links.starts();
  tile.starts[row][word] = starts;
  if (inside) pieces.starts.words[y * pieces.starts.row_words() + w] = starts;
  const std::int32_t first = row * kColumns + 32 * word;
  for (std::uint32_t m = starts; m != 0; m &= m - 1) {
    tile.parent[first + lowest_bit(m)] = first + lowest_bit(m);
  }
  __syncthreads();
  join_in_tile(links, word, row, tile);
  __syncthreads();
  for (std::uint32_t m = starts; m != 0; m &= m - 1) {
    const std::int32_t root = find_root(tile.parent, first + lowest_bit(m));
    pieces.parent[pieces.node(32 * w + lowest_bit(m), y)] =
        pieces.node(32 * (w - word) + root % kColumns, y - row + root / kColumns);
  }
}

/// Over the upper border of a tile, for one word.
template <class Source>
__device__ void join_upwards(const Source& source, const Pieces& pieces, std::int64_t w,
                             std::int64_t y) {
  Links links = source.at(w, y);
  links.thin_out();
  for_each_up(links, [&](int from, int to) {
    unite(pieces.parent, pieces.node_of(32 * w + from, y), pieces.node_of(32 * w + to, y - 1));
  });
}

/// Over the left border of a tile, at one row.
template <class Source>
__device__ void join_leftwards(const Source& source, const Pieces& pieces, std::int64_t w,
                               std::int64_t y) {
  const Links links = source.at(w, y);
  const std::int64_t x = 32 * w;
  const bool left = (links.left & 1U) != 0;
  const bool up = (links.up & 1U) != 0;
  const bool first_row = y % kRows == 0;
  // What the row above joined need not be joined again.
  if (left && (first_row || !up || (source.at(w, y - 1).left & 1U) == 0)) {
    unite(pieces.parent, pieces.node_of(x, y), pieces.node_of(x - 1, y));
  }
  if (first_row) return;
  if ((links.up_left & 1U) != 0 && !up && !(left && links.up_before)) {
    unite(pieces.parent, pieces.node_of(x, y), pieces.node_of(x - 1, y - 1));
  }
  const Links before = source.at(w - 1, y);
  if (((before.up_right & ~before.up) >> 31) != 0 && !(left && up)) {
    unite(pieces.parent, pieces.node_of(x - 1, y), pieces.node_of(x, y - 1));
  }
}

[[nodiscard]] constexpr std::int64_t words_at_upper_borders(const BitPlane& bits) {
  return (tiles(bits.height, kRows) - 1) * bits.row_words();
}
[[nodiscard]] constexpr std::int64_t rows_at_left_borders(const BitPlane& bits) {
  return (tiles(bits.row_words(), kWords) - 1) * bits.height;
}

template <class Source>
__global__ void join_borders_kernel(Source source, Pieces pieces) {
  const BitPlane& bits = pieces.starts;
  std::int64_t i = element();
  const std::int64_t words = words_at_upper_borders(bits);
  if (i < words) {
    const std::int64_t border = i / bits.row_words();
    join_upwards(source, pieces, i - border * bits.row_words(), (border + 1) * kRows);
    return;
  }
  i -= words;
  if (i >= rows_at_left_borders(bits)) return;
  const std::int64_t border = i / bits.height;
  join_leftwards(source, pieces, (border + 1) * kWords, i - border * bits.height);
}

template <class Source>
Pieces join(Queue& queue, const Source& source) {
  const BitPlane& bits = source.occupied;
  const auto pixels = static_cast<std::size_t>(bits.width * bits.height);
  const Pieces pieces{bits, take_bits(queue, bits.width, bits.height),
                      queue.scratch().take<std::int32_t>(pixels).data()};
  if (pixels == 0) return pieces;
  const std::int64_t blocks = tiles(bits.row_words(), kWords) * tiles(bits.height, kRows);
  launch(queue, "join_tiles", join_tiles_kernel<Source>, dim3(blocks_for(blocks, 1)),
         dim3(kJoinThreads), source, pieces);
  launch_over(queue, "join_borders", join_borders_kernel<Source>,
              words_at_upper_borders(bits) + rows_at_left_borders(bits), source, pieces);
  return pieces;
}

}  // namespace

std::size_t pieces_bytes(std::int64_t width, std::int64_t height) {
  return bits_bytes(width, height) + arena_bytes(static_cast<std::size_t>(width * height) * 4);
}

Pieces join_pieces(Queue& queue, const MaskLinks& links) { return join(queue, links); }
Pieces join_pieces(Queue& queue, const LabelLinks& links) { return join(queue, links); }

}  // namespace tilepool::gpu
