#include "common/kernels/open_labels.h"

#include <algorithm>
#include <cstdlib>

namespace tilepool {
namespace {

/// reach[x] = distance along the row to the nearest pixel of another label, at most 255.
void row_reach(const std::int32_t* row, std::int64_t width, std::uint8_t* reach) {
  int distance = 255;
  for (std::int64_t x = 0; x < width; ++x) {
    distance = x > 0 && row[x] != row[x - 1] ? 1 : std::min(distance + 1, 255);
    reach[x] = static_cast<std::uint8_t>(distance);
  }
  distance = 255;
  for (std::int64_t x = width - 1; x >= 0; --x) {
    distance = x + 1 < width && row[x] != row[x + 1] ? 1 : std::min(distance + 1, 255);
    reach[x] = static_cast<std::uint8_t>(std::min<int>(reach[x], distance));
  }
}

/// Whether the disk around (x, y) lies in the pixel's own label.
bool holds_disk(ImageView<const std::int32_t> labels, ImageView<const std::uint8_t> reach,
                const Disk& disk, std::int64_t x, std::int64_t y) {
  const std::int32_t label = labels.at(x, y);
  const std::int64_t r = disk.radius();
  const std::int64_t last = std::min(y + r, labels.height - 1);
  for (std::int64_t v = std::max<std::int64_t>(y - r, 0); v <= last; ++v) {
    const std::uint8_t half = disk.half_width[static_cast<std::size_t>(std::abs(v - y))];
    if (labels.at(x, v) != label || reach.at(x, v) <= half) return false;
  }
  return true;
}

}  // namespace

std::size_t open_labels_scratch_bytes(std::int64_t width, std::int64_t height, const Disk& disk) {
  return 2 * arena_bytes(static_cast<std::size_t>(width * height)) +
         morphology_scratch_bytes(width, height, disk);
}

void open_labels(ImageView<std::int32_t> labels, const Disk& disk, Arena& scratch) {
  if (disk.radius() == 0 || labels.empty()) return;
  const std::size_t mark = scratch.mark();
  auto reach = scratch.take_image<std::uint8_t>(labels.width, labels.height);
  auto kept = scratch.take_image<std::uint8_t>(labels.width, labels.height);
  for (std::int64_t y = 0; y < labels.height; ++y) {
    row_reach(labels.row(y), labels.width, reach.row(y));
  }
  for (std::int64_t y = 0; y < labels.height; ++y) {
    const std::int32_t* row = labels.row(y);
    std::uint8_t* out = kept.row(y);
    for (std::int64_t x = 0; x < labels.width; ++x) {
      out[x] = row[x] != 0 && holds_disk(labels, reach, disk, x, y) ? 1 : 0;
    }
  }
  // No disk of one label covers a pixel of another, so a plain dilation brings each label back.
  dilate(kept, disk, scratch, kept);
  for (std::int64_t y = 0; y < labels.height; ++y) {
    std::int32_t* row = labels.row(y);
    const std::uint8_t* keep = kept.row(y);
    for (std::int64_t x = 0; x < labels.width; ++x) {
      if (keep[x] == 0) row[x] = 0;
    }
  }
  scratch.release(mark);
}

}  // namespace tilepool
