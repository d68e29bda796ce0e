#pragma once

#include <algorithm>
#include <cstdint>

namespace tilepool {

/// The rows of a chunked table that one rank writes. Whole chunks belong to one rank; shares are
/// contiguous and in rank order; every rank makes the same number of writes, so that they can be
/// collective.
struct PackShare {
  std::uint64_t first = 0, end = 0;  ///< rows of this rank, first on a chunk's border
  std::uint64_t block_rows = 0;      ///< most rows in one write, whole chunks
  std::uint64_t rounds = 0;          ///< writes that every rank makes

  /// The rows of write number `round`: [begin, begin + count), count 0 when out of work.
  [[nodiscard]] std::uint64_t begin(std::uint64_t round) const {
    return std::min(end, first + round * block_rows);
  }
  [[nodiscard]] std::uint64_t count(std::uint64_t round) const {
    return std::min(end, begin(round) + block_rows) - begin(round);
  }
};

/// `block_rows` is rounded down to whole chunks, at least one. chunk_rows >= 1, n_ranks >= 1.
[[nodiscard]] inline PackShare pack_share(std::uint64_t rows, std::uint64_t chunk_rows,
                                          std::uint64_t block_rows, std::uint64_t rank,
                                          std::uint64_t n_ranks) {
  const std::uint64_t chunks = (rows + chunk_rows - 1) / chunk_rows;
  const std::uint64_t each = chunks / n_ranks;
  const std::uint64_t rest = chunks % n_ranks;  // the first ranks take one more
  PackShare share;
  share.first = std::min(rows, (rank * each + std::min(rank, rest)) * chunk_rows);
  share.end = std::min(rows, ((rank + 1) * each + std::min(rank + 1, rest)) * chunk_rows);
  const std::uint64_t block_chunks = std::max<std::uint64_t>(1, block_rows / chunk_rows);
  share.block_rows = block_chunks * chunk_rows;
  const std::uint64_t most_chunks = each + (rest > 0 ? 1 : 0);
  share.rounds = (most_chunks + block_chunks - 1) / block_chunks;
  return share;
}

}  // namespace tilepool
