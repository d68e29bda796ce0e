#include "common/kernels/holes.h"

#include <algorithm>

#include "common/kernels/runs.h"

namespace tilepool {
namespace {

constexpr std::int64_t kMaxHole = std::int64_t{1} << 29;  ///< sums stay within 32 bits

}  // namespace

std::size_t fill_holes_scratch_bytes(std::int64_t width, std::int64_t height) {
  const auto runs = static_cast<std::size_t>((width + 1) / 2 * height);
  return joined_runs_scratch_bytes(width, height) + arena_bytes(runs * 4);
}

void fill_holes(ImageView<std::uint8_t> mask, std::int64_t max_area_px, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  const RunTable t = joined_runs(mask, false, Connectivity::kFour, scratch);
  auto area = scratch.take<std::int32_t>(t.root.size());
  std::fill(area.begin(), area.end(), 0);
  const auto rows = static_cast<std::size_t>(mask.height);
  const auto full = static_cast<std::int32_t>(std::min(max_area_px, kMaxHole) + 1);
  for (std::size_t y = 0; y < rows; ++y) {
    for (auto i = static_cast<std::size_t>(t.row_begin[y]);
         i < static_cast<std::size_t>(t.row_begin[y + 1]); ++i) {
      const bool at_border = y == 0 || y + 1 == rows || t.begin[i] == 0 || t.end[i] == mask.width;
      std::int32_t& sum = area[static_cast<std::size_t>(t.root[i])];
      sum = at_border ? full : std::min(sum + (t.end[i] - t.begin[i]), full);
    }
  }
  for (std::size_t y = 0; y < rows; ++y) {
    std::uint8_t* row = mask.row(static_cast<std::int64_t>(y));
    for (auto i = static_cast<std::size_t>(t.row_begin[y]);
         i < static_cast<std::size_t>(t.row_begin[y + 1]); ++i) {
      if (area[static_cast<std::size_t>(t.root[i])] < full) {
        std::fill(row + t.begin[i], row + t.end[i], std::uint8_t{1});
      }
    }
  }
  scratch.release(mark);
}

}  // namespace tilepool
