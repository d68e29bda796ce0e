#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/runs.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Labels the connected pieces of the pixels that are not 0 with 1..n, numbered in the raster
/// order of their first pixel; 0 elsewhere. Returns n. Equal to skimage.measure.label with
/// connectivity 2 (kEight) or 1 (kFour).
std::int32_t label_components(ImageView<const std::uint8_t> mask, Connectivity connectivity,
                              Arena& scratch, ImageView<std::int32_t> labels);
/// The same for pieces of equal labels: two labels never share a piece. In place.
std::int32_t relabel_components(ImageView<std::int32_t> labels, Connectivity connectivity,
                                Arena& scratch);
[[nodiscard]] std::size_t relabel_components_scratch_bytes(std::int64_t width, std::int64_t height);
[[nodiscard]] std::size_t label_components_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool
