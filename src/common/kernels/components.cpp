#include "common/kernels/components.h"

#include <algorithm>

namespace tilepool {
namespace {

/// Writes the pieces' labels over the whole plane.
std::int32_t number(const RunTable& t, ImageView<std::int32_t> labels) {
  std::int32_t count = 0;
  for (std::int64_t y = 0; y < labels.height; ++y) {
    std::int32_t* row = labels.row(y);
    std::fill_n(row, labels.width, 0);
    const auto end = static_cast<std::size_t>(t.row_begin[static_cast<std::size_t>(y) + 1]);
    for (auto i = static_cast<std::size_t>(t.row_begin[static_cast<std::size_t>(y)]); i < end;
         ++i) {
      // A root comes before all runs that point to it; its `root` then becomes minus its label.
      const std::int32_t root = t.root[i];
      if (root == static_cast<std::int32_t>(i)) t.root[i] = -(++count);
      const std::int32_t label = -t.root[static_cast<std::size_t>(root)];
      std::fill(row + t.begin[i], row + t.end[i], label);
    }
  }
  return count;
}

}  // namespace

std::size_t label_components_scratch_bytes(std::int64_t width, std::int64_t height) {
  return joined_runs_scratch_bytes(width, height);
}

std::size_t relabel_components_scratch_bytes(std::int64_t width, std::int64_t height) {
  return joined_label_runs_scratch_bytes(width, height);
}

std::int32_t label_components(ImageView<const std::uint8_t> mask, Connectivity connectivity,
                              Arena& scratch, ImageView<std::int32_t> labels) {
  const std::size_t mark = scratch.mark();
  const std::int32_t count = number(joined_runs(mask, true, connectivity, scratch), labels);
  scratch.release(mark);
  return count;
}

std::int32_t relabel_components(ImageView<std::int32_t> labels, Connectivity connectivity,
                                Arena& scratch) {
  const std::size_t mark = scratch.mark();
  const std::int32_t count = number(joined_label_runs(labels, connectivity, scratch), labels);
  scratch.release(mark);
  return count;
}

}  // namespace tilepool
