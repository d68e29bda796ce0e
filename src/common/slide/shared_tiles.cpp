#include "common/slide/shared_tiles.h"

#include <algorithm>

#include "common/base/checked.h"
#include "common/slide/region.h"

namespace tilepool {

std::vector<Rect> SharedTiles::expect(int level, std::span<const Rect> regions, std::int64_t tile_w,
                                      std::int64_t tile_h) {
  if (regions.empty()) {
    clear();
    return {};
  }
  const std::int64_t tiles_held =
      static_cast<std::int64_t>(kSharedTilesBytes) / (3 * tile_w * tile_h);
  std::size_t n = 0;
  std::int64_t edge_tiles = 0;
  for (; n < regions.size(); ++n) {
    edge_tiles += 2 * (ceil_div(regions[n].w, tile_w) + ceil_div(regions[n].h, tile_h));
    if (n > 1 && edge_tiles > tiles_held) break;  // the one being read and the next always count
  }
  const std::lock_guard lock(mutex_);
  std::vector<Rect> before =
      std::exchange(regions_, {regions.begin(), regions.begin() + static_cast<std::ptrdiff_t>(n)});
  if (std::exchange(level_, level) != level) before.clear();
  std::vector<Rect> fresh;
  std::copy_if(regions_.begin(), regions_.end(), std::back_inserter(fresh),
               [&](const Rect& region) {
                 return std::find(before.begin(), before.end(), region) == before.end();
               });
  return fresh;
}

bool SharedTiles::wanted(int level, const Rect& place, const Rect& reading) const {
  const std::lock_guard lock(mutex_);
  return level == level_ && std::any_of(regions_.begin(), regions_.end(), [&](const Rect& region) {
           return region != reading && intersection(place, region).w > 0;
         });
}

std::shared_ptr<const SharedTiles::Pixels> SharedTiles::find(int level, std::int64_t tile) {
  const std::lock_guard lock(mutex_);
  const auto found = tiles_.find({level, tile});
  if (found == tiles_.end()) return nullptr;
  found->second.used = ++uses_;
  return found->second.pixels;
}

std::shared_ptr<SharedTiles::Pixels> SharedTiles::memory(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  while (!tiles_.empty() && bytes_ + bytes > kSharedTilesBytes) drop_oldest();
  auto pixels = std::exchange(spare_, nullptr);
  // Somebody may still copy from a tile that was dropped.
  if (pixels == nullptr || pixels.use_count() > 1 || pixels->size() != bytes)
    pixels = std::make_shared<Pixels>(bytes);
  return pixels;
}

void SharedTiles::keep(int level, std::int64_t tile, std::shared_ptr<Pixels> pixels) {
  const std::lock_guard lock(mutex_);
  const std::size_t bytes = pixels->size();
  while (!tiles_.empty() && bytes_ + bytes > kSharedTilesBytes) drop_oldest();
  if (bytes > kSharedTilesBytes) return;
  if (tiles_.try_emplace({level, tile}, Held{std::move(pixels), ++uses_}).second) bytes_ += bytes;
}

void SharedTiles::drop_oldest() {
  const auto oldest =
      std::min_element(tiles_.begin(), tiles_.end(),
                       [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
  bytes_ -= oldest->second.pixels->size();
  spare_ = std::move(oldest->second.pixels);
  tiles_.erase(oldest);
}

void SharedTiles::clear() {
  const std::lock_guard lock(mutex_);
  level_ = -1;
  regions_.clear();
  tiles_.clear();
  spare_.reset();
  bytes_ = 0;
}

}  // namespace tilepool
