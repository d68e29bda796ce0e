#include "common/kernels/morphology.h"

#include <algorithm>
#include <cmath>

#include "common/base/error.h"

namespace tilepool {
namespace {

/// reach[x] = distance along the row to the nearest pixel equal to `wanted`, at most 255.
void row_reach(const std::uint8_t* row, std::int64_t width, std::uint8_t wanted,
               std::uint8_t* reach) {
  int distance = 255;
  for (std::int64_t x = 0; x < width; ++x) {
    distance = row[x] == wanted ? 0 : std::min(distance + 1, 255);
    reach[x] = static_cast<std::uint8_t>(distance);
  }
  distance = 255;
  for (std::int64_t x = width - 1; x >= 0; --x) {
    distance = row[x] == wanted ? 0 : std::min(distance + 1, 255);
    reach[x] = static_cast<std::uint8_t>(std::min<int>(reach[x], distance));
  }
}

/// hit[x] = 1 where some pixel of the disk around (x, y) equals `wanted`.
/// Rows of reach are kept in a ring, so that out may be in.
void spread(ImageView<const std::uint8_t> in, const Disk& disk, std::uint8_t wanted, Arena& scratch,
            ImageView<std::uint8_t> out) {
  const std::int64_t r = disk.radius();
  const std::int64_t rows = std::min(2 * r + 1, in.height);
  if (in.empty()) return;
  const std::size_t mark = scratch.mark();
  auto ring = scratch.take_image<std::uint8_t>(in.width, rows);
  auto hit = scratch.take<std::uint8_t>(static_cast<std::size_t>(in.width));
  std::int64_t next = 0;
  for (std::int64_t y = 0; y < in.height; ++y) {
    for (; next <= std::min(y + r, in.height - 1); ++next) {
      row_reach(in.row(next), in.width, wanted, ring.row(next % rows));
    }
    std::fill(hit.begin(), hit.end(), std::uint8_t{0});
    const std::int64_t last = std::min(y + r, in.height - 1);
    for (std::int64_t v = std::max<std::int64_t>(y - r, 0); v <= last; ++v) {
      const std::uint8_t* reach = ring.row(v % rows);
      const std::uint8_t limit = disk.half_width[static_cast<std::size_t>(std::abs(v - y))];
      std::uint8_t* h = hit.data();
      for (std::int64_t x = 0; x < in.width; ++x) {
        h[x] = static_cast<std::uint8_t>(h[x] | (reach[x] <= limit ? 1 : 0));
      }
    }
    std::uint8_t* out_row = out.row(y);
    for (std::int64_t x = 0; x < in.width; ++x) {
      const std::uint8_t h = hit[static_cast<std::size_t>(x)];
      out_row[x] = wanted == 1 ? h : static_cast<std::uint8_t>(1 - h);
    }
  }
  scratch.release(mark);
}

}  // namespace

Disk make_disk(double radius_px) {
  check(radius_px >= 0 && radius_px < 255, ErrorCode::kInternal,
        "disk radius {} px is not in 0..254", radius_px);
  Disk disk;
  const double square = std::floor(radius_px * radius_px + 1e-9);
  for (double dy = 0; dy * dy <= square; ++dy) {
    disk.half_width.push_back(static_cast<std::uint8_t>(std::floor(std::sqrt(square - dy * dy))));
  }
  return disk;
}

std::size_t morphology_scratch_bytes(std::int64_t width, std::int64_t height, const Disk& disk) {
  const auto w = static_cast<std::size_t>(width);
  const auto rows = static_cast<std::size_t>(std::min(2 * disk.radius() + 1, height));
  return arena_bytes(w * rows) + arena_bytes(w);
}

void erode(ImageView<const std::uint8_t> in, const Disk& disk, Arena& scratch,
           ImageView<std::uint8_t> out) {
  spread(in, disk, 0, scratch, out);
}

void dilate(ImageView<const std::uint8_t> in, const Disk& disk, Arena& scratch,
            ImageView<std::uint8_t> out) {
  spread(in, disk, 1, scratch, out);
}

void open(ImageView<const std::uint8_t> in, const Disk& disk, Arena& scratch,
          ImageView<std::uint8_t> out) {
  erode(in, disk, scratch, out);
  dilate(out, disk, scratch, out);
}

}  // namespace tilepool
