#include "common/kernels/runs.h"

#include <utility>

namespace tilepool {
namespace {

/// Calls emit(y, begin, end) for each run of equal values of which wanted(value), in raster order.
/// A mask must hold 0 and 1 only.
template <class T, class Wanted, class Emit>
void for_each_run(ImageView<const T> image, Wanted wanted, Emit emit) {
  for (std::int64_t y = 0; y < image.height; ++y) {
    const T* row = image.row(y);
    std::int64_t x = 0;
    while (x < image.width) {
      const T value = row[x];
      const std::int64_t begin = x;
      while (x < image.width && row[x] == value) ++x;
      if (wanted(value)) {
        emit(y, static_cast<std::int32_t>(begin), static_cast<std::int32_t>(x));
      }
    }
  }
}

std::int32_t find_root(std::span<std::int32_t> parent, std::int32_t i) {
  while (parent[static_cast<std::size_t>(i)] != i) {
    auto& up = parent[static_cast<std::size_t>(i)];
    up = parent[static_cast<std::size_t>(up)];
    i = up;
  }
  return i;
}

void join(std::span<std::int32_t> parent, std::int32_t a, std::int32_t b) {
  a = find_root(parent, a);
  b = find_root(parent, b);
  if (a < b) std::swap(a, b);
  parent[static_cast<std::size_t>(a)] = b;
}

/// Joins the touching runs of equal value of rows y - 1 and y.
template <class T>
void join_rows(ImageView<const T> image, const RunTable& t, std::int64_t y, std::int32_t slack) {
  const auto row = static_cast<std::size_t>(y);
  auto a = static_cast<std::size_t>(t.row_begin[row - 1]);
  auto b = static_cast<std::size_t>(t.row_begin[row]);
  const auto a_end = b;
  const auto b_end = static_cast<std::size_t>(t.row_begin[row + 1]);
  const auto join_if_touching = [&](std::size_t above, std::size_t below) {
    if (t.begin[above] < t.end[below] + slack && t.begin[below] < t.end[above] + slack &&
        image.at(t.begin[above], y - 1) == image.at(t.begin[below], y))
      join(t.root, static_cast<std::int32_t>(above), static_cast<std::int32_t>(below));
  };
  while (a < a_end && b < b_end) {
    join_if_touching(a, b);
    if (t.end[a] < t.end[b]) {
      ++a;
    } else {
      // Another label may begin above the very corner where b ends.
      if (t.end[a] == t.end[b] && a + 1 < a_end) join_if_touching(a + 1, b);
      ++b;
    }
  }
}

template <class T, class Wanted>
RunTable build(ImageView<const T> image, Wanted wanted, Connectivity connectivity, Arena& scratch) {
  std::size_t count = 0;
  for_each_run(image, wanted, [&](std::int64_t, std::int32_t, std::int32_t) { ++count; });
  RunTable t{scratch.take<std::int32_t>(count), scratch.take<std::int32_t>(count),
             scratch.take<std::int32_t>(count),
             scratch.take<std::int32_t>(static_cast<std::size_t>(image.height) + 1)};
  std::size_t i = 0;
  std::size_t row = 0;
  for_each_run(image, wanted, [&](std::int64_t y, std::int32_t begin, std::int32_t end) {
    while (row <= static_cast<std::size_t>(y)) t.row_begin[row++] = static_cast<std::int32_t>(i);
    t.begin[i] = begin;
    t.end[i] = end;
    t.root[i] = static_cast<std::int32_t>(i);
    ++i;
  });
  while (row < t.row_begin.size()) t.row_begin[row++] = static_cast<std::int32_t>(i);
  const std::int32_t slack = connectivity == Connectivity::kEight ? 1 : 0;
  for (std::int64_t y = 1; y < image.height; ++y) join_rows(image, t, y, slack);
  for (std::size_t k = 0; k < count; ++k) {
    t.root[k] = find_root(t.root, static_cast<std::int32_t>(k));
  }
  return t;
}

}  // namespace

std::size_t joined_runs_scratch_bytes(std::int64_t width, std::int64_t height) {
  const auto runs = static_cast<std::size_t>((width + 1) / 2 * height);
  return 3 * arena_bytes(runs * 4) + arena_bytes((static_cast<std::size_t>(height) + 1) * 4);
}

std::size_t joined_label_runs_scratch_bytes(std::int64_t width, std::int64_t height) {
  return 3 * arena_bytes(static_cast<std::size_t>(width * height) * 4) +
         arena_bytes((static_cast<std::size_t>(height) + 1) * 4);
}

RunTable joined_runs(ImageView<const std::uint8_t> mask, bool wanted, Connectivity connectivity,
                     Arena& scratch) {
  return build(
      mask, [=](std::uint8_t v) { return (v != 0) == wanted; }, connectivity, scratch);
}

RunTable joined_label_runs(ImageView<const std::int32_t> labels, Connectivity connectivity,
                           Arena& scratch) {
  return build(
      labels, [](std::int32_t v) { return v != 0; }, connectivity, scratch);
}

}  // namespace tilepool
