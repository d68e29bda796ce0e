#include "common/kernels/local_threshold.h"

#include <algorithm>

namespace tilepool {
namespace {

/// Sums of the counted pixels of each column over the rows of the square.
struct Columns {
  std::uint32_t* sum;
  std::uint32_t* count;
  std::int64_t width;

  void add(const std::uint16_t* plane, const std::uint8_t* counted) const {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::uint32_t on = counted[x] != 0 ? 1U : 0U;
      sum[x] += plane[x] * on;
      count[x] += on;
    }
  }
  void subtract(const std::uint16_t* plane, const std::uint8_t* counted) const {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::uint32_t on = counted[x] != 0 ? 1U : 0U;
      sum[x] -= plane[x] * on;
      count[x] -= on;
    }
  }
};

void threshold_row(const Columns& columns, const std::uint16_t* plane, const std::uint8_t* counted,
                   const LocalThreshold& t, std::uint8_t* out) {
  const std::int64_t r = t.radius_px;
  const std::int64_t offset = std::int64_t{256 - t.weight_256} * t.global;
  std::int64_t sum = 0;
  std::int64_t count = 0;
  for (std::int64_t x = 0; x < std::min(r, columns.width); ++x) {
    sum += columns.sum[x];
    count += columns.count[x];
  }
  for (std::int64_t x = 0; x < columns.width; ++x) {
    if (x + r < columns.width) {
      sum += columns.sum[x + r];
      count += columns.count[x + r];
    }
    if (x - r - 1 >= 0) {
      sum -= columns.sum[x - r - 1];
      count -= columns.count[x - r - 1];
    }
    const std::int64_t excess = 256 * std::int64_t{plane[x]} - offset;
    out[x] = counted[x] != 0 && excess * count > t.weight_256 * sum ? 1 : 0;
  }
}

}  // namespace

std::size_t above_local_threshold_scratch_bytes(std::int64_t width) {
  return 2 * arena_bytes(static_cast<std::size_t>(width) * sizeof(std::uint32_t));
}

void above_local_threshold(ImageView<const std::uint16_t> plane,
                           ImageView<const std::uint8_t> counted, const LocalThreshold& threshold,
                           Arena& scratch, ImageView<std::uint8_t> out) {
  const std::size_t mark = scratch.mark();
  const auto width = static_cast<std::size_t>(plane.width);
  auto sums = scratch.take<std::uint32_t>(width);
  auto counts = scratch.take<std::uint32_t>(width);
  std::fill(sums.begin(), sums.end(), 0U);
  std::fill(counts.begin(), counts.end(), 0U);
  const Columns columns{sums.data(), counts.data(), plane.width};
  const std::int64_t r = threshold.radius_px;
  for (std::int64_t y = 0; y < std::min(r, plane.height); ++y) {
    columns.add(plane.row(y), counted.row(y));
  }
  for (std::int64_t y = 0; y < plane.height; ++y) {
    if (y + r < plane.height) columns.add(plane.row(y + r), counted.row(y + r));
    if (y - r - 1 >= 0) columns.subtract(plane.row(y - r - 1), counted.row(y - r - 1));
    threshold_row(columns, plane.row(y), counted.row(y), threshold, out.row(y));
  }
  scratch.release(mark);
}

}  // namespace tilepool
