#include "common/kernels/region_box.h"

#include <algorithm>
#include <limits>

namespace tilepool {
namespace {

/// Adds the pixels [begin, end) of row y.
void add_run(RegionBox& box, std::int64_t y, std::int64_t begin, std::int64_t end) {
  const auto b = static_cast<std::int32_t>(begin);
  const auto e = static_cast<std::int32_t>(end);
  if (box.area == 0) {
    box.y_begin = static_cast<std::int32_t>(y);
    box.first_x = b;
  }
  box.y_end = static_cast<std::int32_t>(y + 1);
  box.x_begin = std::min(box.x_begin, b);
  box.x_end = std::max(box.x_end, e);
  const std::int64_t n = end - begin;
  box.area += static_cast<std::int32_t>(n);
  box.sum_x += (begin + end - 1) * n / 2;
  box.sum_y += y * n;
}

}  // namespace

void measure_boxes(ImageView<const std::int32_t> labels, std::span<RegionBox> boxes) {
  constexpr std::int32_t kFar = std::numeric_limits<std::int32_t>::max();
  std::fill(boxes.begin(), boxes.end(), RegionBox{kFar, 0, 0, 0, 0, 0, 0, 0});
  for (std::int64_t y = 0; y < labels.height; ++y) {
    const std::int32_t* row = labels.row(y);
    std::int64_t x = 0;
    while (x < labels.width) {
      const std::int32_t label = row[x];
      const std::int64_t begin = x;
      while (x < labels.width && row[x] == label) ++x;
      if (label > 0) add_run(boxes[static_cast<std::size_t>(label) - 1], y, begin, x);
    }
  }
}

}  // namespace tilepool
