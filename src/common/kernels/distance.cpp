#include "common/kernels/distance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace tilepool {
namespace {

constexpr std::int32_t kNoZero = 0xFFFF;  ///< column distance where the column has no zero

/// out[y][x] = distance along the column to the nearest zero, kNoZero where there is none.
template <class T>
void column_distance(ImageView<const std::uint8_t> mask, ImageView<T> out) {
  for (std::int64_t y = 0; y < mask.height; ++y) {
    const std::uint8_t* m = mask.row(y);
    const T* above = y > 0 ? out.row(y - 1) : nullptr;
    T* row = out.row(y);
    for (std::int64_t x = 0; x < mask.width; ++x) {
      const std::int32_t up = above != nullptr ? std::int32_t{above[x]} + 1 : kNoZero;
      row[x] = static_cast<T>(m[x] == 0 ? 0 : std::min(up, kNoZero));
    }
  }
  for (std::int64_t y = mask.height - 2; y >= 0; --y) {
    const T* below = out.row(y + 1);
    T* row = out.row(y);
    for (std::int64_t x = 0; x < mask.width; ++x) {
      row[x] = static_cast<T>(std::min(std::int32_t{row[x]}, std::int32_t{below[x]} + 1));
    }
  }
}

/// The lower envelope of the parabolas of one stretch of a row.
struct Envelope {
  std::span<std::int32_t> site;   ///< where each parabola has its vertex
  std::span<std::int32_t> start;  ///< first column at which it is the lowest
};

std::int64_t parabola(const std::int32_t* g, std::int32_t site, std::int64_t x) {
  return (x - site) * (x - site) + std::int64_t{g[site]} * g[site];
}

/// First column at which `b` (right of `a`) is strictly lower than `a`.
std::int64_t overtakes(const std::int32_t* g, std::int32_t a, std::int32_t b) {
  const std::int64_t rise = std::int64_t{b} * b - std::int64_t{a} * a + std::int64_t{g[b]} * g[b] -
                            std::int64_t{g[a]} * g[a];
  const std::int64_t twice = 2 * (std::int64_t{b} - a);
  return rise / twice - (rise < 0 && rise % twice != 0 ? 1 : 0) + 1;
}

/// emit(x, squared) for x in [begin, end), with sites in [first, last] of the row's g.
template <class Emit>
void row_distance(const std::int32_t* g, std::int32_t first, std::int32_t last, std::int32_t begin,
                  std::int32_t end, const Envelope& e, Emit emit) {
  std::size_t n = 0;
  for (std::int32_t s = first; s <= last; ++s) {
    if (g[s] >= kNoZero) continue;
    std::int64_t start = first;
    while (n > 0) {
      start = overtakes(g, e.site[n - 1], s);
      if (start > e.start[n - 1]) break;
      --n;
    }
    if (n == 0) start = first;
    if (start >= end) continue;
    e.site[n] = s;
    e.start[n] = static_cast<std::int32_t>(start);
    ++n;
  }
  std::size_t i = 0;
  for (std::int32_t x = begin; x < end; ++x) {
    if (n == 0) {
      emit(x, kFarSquared);
      continue;
    }
    while (i + 1 < n && e.start[i + 1] <= x) ++i;
    const std::int64_t square = parabola(g, e.site[i], x);
    emit(x, static_cast<std::int32_t>(std::min<std::int64_t>(square, kFarSquared)));
  }
}

/// Runs column and row passes; store(squared) is what a pixel of `out` becomes.
template <class T, class Store>
void transform(ImageView<const std::uint8_t> mask, Arena& scratch, ImageView<T> out, Store store) {
  const std::size_t mark = scratch.mark();
  const auto width = static_cast<std::size_t>(mask.width);
  auto g = scratch.take<std::int32_t>(width);
  const Envelope envelope{scratch.take<std::int32_t>(width), scratch.take<std::int32_t>(width)};
  column_distance(mask, out);
  const auto w = static_cast<std::int32_t>(mask.width);
  for (std::int64_t y = 0; y < mask.height; ++y) {
    T* row = out.row(y);
    std::copy_n(row, mask.width, g.begin());
    std::int32_t x = 0;
    while (x < w) {
      while (x < w && g[static_cast<std::size_t>(x)] == 0) ++x;
      const std::int32_t begin = x;
      while (x < w && g[static_cast<std::size_t>(x)] != 0) ++x;
      if (begin == x) continue;
      // Zeros on either side of the run hide all that lies beyond them.
      row_distance(g.data(), std::max(begin - 1, 0), std::min(x, w - 1), begin, x, envelope,
                   [&](std::int32_t at, std::int32_t square) { row[at] = store(square); });
    }
  }
  scratch.release(mark);
}

std::int32_t floor_sqrt(std::int32_t value) {
  auto root = static_cast<std::int32_t>(std::sqrt(static_cast<double>(value)));
  while (root * root > value) --root;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root;
}

/// floor(16 sqrt(square)), at most 4095.
std::uint16_t sixteenths(std::int32_t square) {
  constexpr std::int32_t kTable = 1024;
  static const auto table = [] {
    std::array<std::uint16_t, kTable> t{};
    for (std::int32_t i = 0; i < kTable; ++i) {
      t[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(floor_sqrt(256 * i));
    }
    return t;
  }();
  if (square < kTable) return table[static_cast<std::size_t>(square)];
  if (square >= 65536) return 4095;
  return static_cast<std::uint16_t>(std::min(floor_sqrt(256 * square), 4095));
}

}  // namespace

std::size_t squared_distance_scratch_bytes(std::int64_t width) {
  return 3 * arena_bytes(static_cast<std::size_t>(width) * sizeof(std::int32_t));
}

void squared_distance(ImageView<const std::uint8_t> mask, Arena& scratch,
                      ImageView<std::int32_t> out) {
  transform(mask, scratch, out, [](std::int32_t square) { return square; });
}

std::size_t distance_sixteenths_scratch_bytes(std::int64_t width) {
  return squared_distance_scratch_bytes(width);
}

void distance_sixteenths(ImageView<const std::uint8_t> mask, Arena& scratch,
                         ImageView<std::uint16_t> out) {
  transform(mask, scratch, out, sixteenths);
}

}  // namespace tilepool
