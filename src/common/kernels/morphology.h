#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// The disk {dx^2 + dy^2 <= radius^2}: half_width[|dy|] = floor(sqrt(radius^2 - dy^2)).
struct Disk {
  std::vector<std::uint8_t> half_width;
  [[nodiscard]] std::int64_t radius() const {
    return static_cast<std::int64_t>(half_width.size()) - 1;
  }
};

/// radius_px 0..254, need not be whole; 0 is a single pixel.
[[nodiscard]] Disk make_disk(double radius_px);

/// Binary morphology on masks of 0 and 1. `out` may be `in`; same size.
/// erode: 1 where every pixel of the disk is 1; pixels outside the image count as 1.
/// dilate: 1 where some pixel of the disk is 1; pixels outside the image count as 0.
/// open: erode, then dilate. Equal to scipy.ndimage with those border values.
void erode(ImageView<const std::uint8_t> in, const Disk& disk, Arena& scratch,
           ImageView<std::uint8_t> out);
void dilate(ImageView<const std::uint8_t> in, const Disk& disk, Arena& scratch,
            ImageView<std::uint8_t> out);
void open(ImageView<const std::uint8_t> in, const Disk& disk, Arena& scratch,
          ImageView<std::uint8_t> out);
[[nodiscard]] std::size_t morphology_scratch_bytes(std::int64_t width, std::int64_t height,
                                                   const Disk& disk);

}  // namespace tilepool
