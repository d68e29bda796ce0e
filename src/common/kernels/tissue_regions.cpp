#include "common/kernels/tissue_regions.h"

#include <algorithm>
#include <span>

#include "common/kernels/runs.h"

namespace tilepool {
namespace {

/// Calls visit(run, y) for every run of the table.
template <class Visit>
void for_each_run(const RunTable& table, std::int64_t height, const Visit& visit) {
  for (std::int64_t y = 0; y < height; ++y) {
    const auto row = static_cast<std::size_t>(y);
    for (auto i = static_cast<std::size_t>(table.row_begin[row]);
         i < static_cast<std::size_t>(table.row_begin[row + 1]); ++i) {
      visit(i, y);
    }
  }
}

/// Pixels of each piece, at its root.
std::span<std::int64_t> piece_areas(const RunTable& table, std::int64_t height, Arena& scratch) {
  const std::span<std::int64_t> area = scratch.take<std::int64_t>(table.root.size());
  std::fill(area.begin(), area.end(), 0);
  for_each_run(table, height, [&](std::size_t i, std::int64_t) {
    area[static_cast<std::size_t>(table.root[i])] += table.end[i] - table.begin[i];
  });
  return area;
}

}  // namespace

void keep_regions(ImageView<std::uint8_t> mask, std::int64_t min_area_px,
                  ImageView<const std::uint8_t> seeds, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  const RunTable table = joined_runs(mask, true, Connectivity::kEight, scratch);
  const std::span<std::int64_t> area = piece_areas(table, mask.height, scratch);
  const std::span<std::uint8_t> seeded = scratch.take<std::uint8_t>(table.root.size());
  std::fill(seeded.begin(), seeded.end(), std::uint8_t{0});
  for_each_run(table, mask.height, [&](std::size_t i, std::int64_t y) {
    const std::uint8_t* row = seeds.row(y);
    if (std::find(row + table.begin[i], row + table.end[i], 1) != row + table.end[i]) {
      seeded[static_cast<std::size_t>(table.root[i])] = 1;
    }
  });
  for_each_run(table, mask.height, [&](std::size_t i, std::int64_t y) {
    const auto root = static_cast<std::size_t>(table.root[i]);
    if (area[root] < min_area_px || seeded[root] == 0) {
      std::fill(mask.row(y) + table.begin[i], mask.row(y) + table.end[i], std::uint8_t{0});
    }
  });
  scratch.release(mark);
}

void fill_background(ImageView<std::uint8_t> mask, std::int64_t max_area_px, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  const RunTable table = joined_runs(mask, false, Connectivity::kFour, scratch);
  const std::span<std::int64_t> area = piece_areas(table, mask.height, scratch);
  for_each_run(table, mask.height, [&](std::size_t i, std::int64_t y) {
    if (area[static_cast<std::size_t>(table.root[i])] < max_area_px) {
      std::fill(mask.row(y) + table.begin[i], mask.row(y) + table.end[i], std::uint8_t{1});
    }
  });
  scratch.release(mark);
}

std::size_t regions_scratch_bytes(std::int64_t width, std::int64_t height) {
  const auto runs = static_cast<std::size_t>((width + 1) / 2 * height);
  return joined_runs_scratch_bytes(width, height) + arena_bytes(runs * sizeof(std::int64_t)) +
         arena_bytes(runs);
}

}  // namespace tilepool
