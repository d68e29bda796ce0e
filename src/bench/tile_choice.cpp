#include "bench/tile_choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tilepool {
namespace {

constexpr double kTilesPx = 64e6;
constexpr double kFewestTiles = 8, kMostTiles = 1024;

Rect core_of(const TileGrid& grid, std::int64_t index) {
  return grid.core(index % grid.columns(), index / grid.columns());
}

std::vector<Rect> spread(const TileGrid& grid, const std::vector<std::int64_t>& pool,
                         std::size_t most) {
  const std::size_t n = std::min(most, pool.size());
  std::vector<Rect> cores;
  cores.reserve(n);
  for (std::size_t i = 0; i < n; ++i)
    cores.push_back(core_of(grid, pool[(2 * i + 1) * pool.size() / (2 * n)]));
  return cores;
}

/// The square of columns and rows around the middle that holds `most`, the nearest first.
std::vector<Rect> middle(const TileGrid& grid, std::size_t most) {
  const auto reach = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(most))));
  const auto range = [&](std::int64_t extent) {
    const std::int64_t centre = extent / 2;
    return std::pair(std::max<std::int64_t>(0, centre - reach),
                     std::min(extent, centre + reach + 1));
  };
  const auto [left, right] = range(grid.columns());
  const auto [top, bottom] = range(grid.rows());
  std::vector<std::pair<std::int64_t, std::int64_t>> tiles;  // squared distance, index
  for (std::int64_t r = top; r < bottom; ++r)
    for (std::int64_t c = left; c < right; ++c) {
      const std::int64_t dx = c - grid.columns() / 2;
      const std::int64_t dy = r - grid.rows() / 2;
      tiles.emplace_back(dx * dx + dy * dy, r * grid.columns() + c);
    }
  std::sort(tiles.begin(), tiles.end());
  tiles.resize(std::min(most, tiles.size()));
  std::vector<Rect> cores;
  cores.reserve(tiles.size());
  for (const auto& [distance, index] : tiles) cores.push_back(core_of(grid, index));
  return cores;
}

}  // namespace

std::vector<Rect> choose_tiles(const TileGrid& grid, const std::vector<float>& tissue_fraction,
                               double min_fraction, std::size_t most) {
  most = std::max<std::size_t>(1, most);
  std::vector<std::int64_t> pool;
  for (std::size_t i = 0; i < tissue_fraction.size(); ++i)
    if (static_cast<double>(tissue_fraction[i]) >= min_fraction)
      pool.push_back(static_cast<std::int64_t>(i));
  return pool.empty() ? middle(grid, most) : spread(grid, pool, most);
}

std::size_t tiles_to_read(double window_px) {
  return static_cast<std::size_t>(
      std::clamp(std::ceil(kTilesPx / std::max(1.0, window_px)), kFewestTiles, kMostTiles));
}

}  // namespace tilepool
