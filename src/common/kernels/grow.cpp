#include "common/kernels/grow.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace tilepool {
namespace {

struct Offset {
  std::int64_t dx, dy;
  [[nodiscard]] std::int64_t square() const { return dx * dx + dy * dy; }
};

/// The disk without its centre, nearest first.
std::vector<Offset> offsets_of(const Disk& disk) {
  std::vector<Offset> offsets;
  for (std::int64_t dy = -disk.radius(); dy <= disk.radius(); ++dy) {
    const std::int64_t half = disk.half_width[static_cast<std::size_t>(std::abs(dy))];
    for (std::int64_t dx = -half; dx <= half; ++dx) {
      if (dx != 0 || dy != 0) offsets.push_back({dx, dy});
    }
  }
  std::sort(offsets.begin(), offsets.end(),
            [](const Offset& a, const Offset& b) { return a.square() < b.square(); });
  return offsets;
}

/// The label that pixel (x, y) gets; only labels > 0 are looked at.
std::int32_t nearest_label(ImageView<const std::int32_t> labels, const std::vector<Offset>& offsets,
                           std::int64_t x, std::int64_t y) {
  std::int32_t best = 0;
  std::int64_t best_square = 0;
  for (const Offset& o : offsets) {
    if (best != 0 && o.square() > best_square) break;
    const std::int64_t u = x + o.dx;
    const std::int64_t v = y + o.dy;
    if (u < 0 || v < 0 || u >= labels.width || v >= labels.height) continue;
    const std::int32_t label = labels.at(u, v);
    if (label > 0 && (best == 0 || label < best)) {
      best = label;
      best_square = o.square();
    }
  }
  return best;
}

}  // namespace

std::size_t grow_labels_scratch_bytes(std::int64_t width, std::int64_t height, const Disk& disk) {
  return arena_bytes(static_cast<std::size_t>(width * height)) +
         morphology_scratch_bytes(width, height, disk);
}

void grow_labels(ImageView<std::int32_t> labels, const Disk& disk, Arena& scratch) {
  if (disk.radius() == 0 || labels.empty()) return;
  const std::size_t mark = scratch.mark();
  auto reached = scratch.take_image<std::uint8_t>(labels.width, labels.height);
  for (std::int64_t y = 0; y < labels.height; ++y) {
    for (std::int64_t x = 0; x < labels.width; ++x) {
      reached.at(x, y) = labels.at(x, y) != 0 ? 1 : 0;
    }
  }
  dilate(reached, disk, scratch, reached);
  const std::vector<Offset> offsets = offsets_of(disk);
  // What is new is negative until the end, so that it does not spread further.
  for (std::int64_t y = 0; y < labels.height; ++y) {
    for (std::int64_t x = 0; x < labels.width; ++x) {
      if (reached.at(x, y) == 0 || labels.at(x, y) != 0) continue;
      labels.at(x, y) = -nearest_label(labels, offsets, x, y);
    }
  }
  for (std::int64_t y = 0; y < labels.height; ++y) {
    std::int32_t* row = labels.row(y);
    for (std::int64_t x = 0; x < labels.width; ++x) row[x] = std::abs(row[x]);
  }
  scratch.release(mark);
}

}  // namespace tilepool
