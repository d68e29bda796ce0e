#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// What the shared tiles of an open slide take at most.
inline constexpr std::size_t kSharedTilesBytes = std::size_t{24} << 20;

/// The decoded tiles of a slide that several of the regions being read now and next touch, so that
/// each is decoded once. The least recently used goes first. Thread-safe.
class SharedTiles {
 public:
  using Pixels = std::vector<std::uint8_t>;

  /// Replaces the expected regions by the first of `regions` whose edges the memory can hold, in
  /// tiles of tile_w x tile_h px. Returns those that were not expected before. Where nothing is
  /// expected any more, all tiles are forgotten.
  std::vector<Rect> expect(int level, std::span<const Rect> regions, std::int64_t tile_w,
                           std::int64_t tile_h);
  /// Whether an expected region other than `reading` touches the tile at `place`.
  [[nodiscard]] bool wanted(int level, const Rect& place, const Rect& reading) const;
  /// The tile's pixels, rows without gaps; nullptr: not held.
  [[nodiscard]] std::shared_ptr<const Pixels> find(int level, std::int64_t tile);
  /// Memory for one tile, used again where there is some.
  [[nodiscard]] std::shared_ptr<Pixels> memory(std::size_t bytes);
  void keep(int level, std::int64_t tile, std::shared_ptr<Pixels> pixels);
  /// Forgets all tiles and expectations.
  void clear();

 private:
  using Key = std::pair<int, std::int64_t>;  // level, tile
  struct Held {
    std::shared_ptr<Pixels> pixels;
    std::uint64_t used = 0;
  };
  void drop_oldest();

  mutable std::mutex mutex_;
  int level_ = -1;
  std::vector<Rect> regions_;
  std::map<Key, Held> tiles_;
  std::shared_ptr<Pixels> spare_;
  std::size_t bytes_ = 0;  ///< of tiles_
  std::uint64_t uses_ = 0;
};

}  // namespace tilepool
