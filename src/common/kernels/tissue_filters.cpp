#include "common/kernels/tissue_filters.h"

#include <algorithm>
#include <array>
#include <span>

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::int64_t kMedianReach = 3;
constexpr int kMedianRank = 24;  // of the 49 values in order, counted from 0

/// The histogram of a window and its median, kept up to date value by value.
class SlidingMedian {
 public:
  void add(std::uint8_t value) {
    ++bins_[value];
    if (value < median_) ++below_;
  }
  void remove(std::uint8_t value) {
    --bins_[value];
    if (value < median_) --below_;
  }
  [[nodiscard]] std::uint8_t median() {
    while (below_ > kMedianRank) below_ -= bins_[--median_];
    while (below_ + bins_[median_] <= kMedianRank) below_ += bins_[median_++];
    return static_cast<std::uint8_t>(median_);
  }

 private:
  std::array<int, 256> bins_{};
  std::size_t median_ = 0;
  int below_ = 0;  ///< values less than median_
};

/// Calls visit(x, y, n, sum, sum of squares) for the clipped window around each pixel.
template <class Visit>
void for_each_window(ImageView<const std::uint8_t> in, std::int64_t radius, Arena& scratch,
                     const Visit& visit) {
  check(radius >= 1 && radius <= 64, ErrorCode::kInternal, "window radius {} is not in 1..64",
        radius);
  const std::size_t mark = scratch.mark();
  const auto width = static_cast<std::size_t>(in.width);
  const std::span<std::uint32_t> sums = scratch.take<std::uint32_t>(width);
  const std::span<std::uint32_t> squares = scratch.take<std::uint32_t>(width);
  std::fill(sums.begin(), sums.end(), 0U);
  std::fill(squares.begin(), squares.end(), 0U);
  const auto count_row = [&](std::int64_t y, std::uint32_t sign) {  // modulo 2^32: -1 takes away
    const std::uint8_t* row = in.row(y);
    for (std::size_t x = 0; x < width; ++x) {
      sums[x] += sign * row[x];
      squares[x] += sign * row[x] * row[x];
    }
  };
  for (std::int64_t y = 0; y < std::min(radius, in.height); ++y) count_row(y, 1);
  for (std::int64_t y = 0; y < in.height; ++y) {
    if (y + radius < in.height) count_row(y + radius, 1);
    if (y - radius - 1 >= 0) count_row(y - radius - 1, ~0U);
    const std::int64_t rows =
        std::min(y + radius, in.height - 1) - std::max<std::int64_t>(y - radius, 0) + 1;
    std::uint32_t sum = 0;
    std::uint32_t square = 0;
    for (std::int64_t x = -radius; x < in.width; ++x) {
      if (x + radius < in.width) {
        sum += sums[static_cast<std::size_t>(x + radius)];
        square += squares[static_cast<std::size_t>(x + radius)];
      }
      if (x - radius - 1 >= 0) {
        sum -= sums[static_cast<std::size_t>(x - radius - 1)];
        square -= squares[static_cast<std::size_t>(x - radius - 1)];
      }
      if (x < 0) continue;
      const std::int64_t columns =
          std::min(x + radius, in.width - 1) - std::max<std::int64_t>(x - radius, 0) + 1;
      visit(x, y, static_cast<std::uint64_t>(rows * columns), std::uint64_t{sum},
            std::uint64_t{square});
    }
  }
  scratch.release(mark);
}

}  // namespace

void median_7x7(ImageView<const std::uint8_t> in, ImageView<std::uint8_t> out) {
  if (in.empty()) return;
  for (std::int64_t y = 0; y < in.height; ++y) {
    std::array<const std::uint8_t*, 2 * kMedianReach + 1> rows{};
    for (std::int64_t d = -kMedianReach; d <= kMedianReach; ++d) {
      rows[static_cast<std::size_t>(d + kMedianReach)] =
          in.row(std::clamp<std::int64_t>(y + d, 0, in.height - 1));
    }
    SlidingMedian window;
    const auto column = [&](std::int64_t x) {
      return std::clamp<std::int64_t>(x, 0, in.width - 1);
    };
    for (std::int64_t x = -kMedianReach; x < kMedianReach; ++x) {
      for (const std::uint8_t* row : rows) window.add(row[column(x)]);
    }
    for (std::int64_t x = 0; x < in.width; ++x) {
      for (const std::uint8_t* row : rows) window.add(row[column(x + kMedianReach)]);
      out.at(x, y) = window.median();
      for (const std::uint8_t* row : rows) window.remove(row[column(x - kMedianReach)]);
    }
  }
}

void window_mean(ImageView<const std::uint8_t> in, std::int64_t radius, Arena& scratch,
                 ImageView<std::uint8_t> out) {
  for_each_window(
      in, radius, scratch,
      [&](std::int64_t x, std::int64_t y, std::uint64_t n, std::uint64_t sum, std::uint64_t) {
        out.at(x, y) = static_cast<std::uint8_t>((sum + n / 2) / n);
      });
}

void window_variance(ImageView<const std::uint8_t> in, std::int64_t radius, Arena& scratch,
                     ImageView<std::uint16_t> out) {
  for_each_window(in, radius, scratch,
                  [&](std::int64_t x, std::int64_t y, std::uint64_t n, std::uint64_t sum,
                      std::uint64_t square) {
                    out.at(x, y) = static_cast<std::uint16_t>((n * square - sum * sum) / (n * n));
                  });
}

std::size_t window_scratch_bytes(std::int64_t width) {
  return 2 * arena_bytes(static_cast<std::size_t>(width) * sizeof(std::uint32_t));
}

}  // namespace tilepool
