#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

enum class Connectivity { kFour, kEight };

/// The horizontal runs of equal pixels of an image, joined into connected pieces. Runs are in
/// raster order; a piece's root is its first run, so roots are in the raster order of first pixels.
struct RunTable {
  std::span<std::int32_t> begin, end;  ///< run i covers columns [begin, end)
  std::span<std::int32_t> root;        ///< the first run of run i's piece
  std::span<std::int32_t> row_begin;   ///< [height + 1] first run of each row
};

/// The runs of pixels whose mask is `wanted` (0 or 1; the mask holds nothing else). The spans live
/// in `scratch` and stay there: mark and release around the use.
[[nodiscard]] RunTable joined_runs(ImageView<const std::uint8_t> mask, bool wanted,
                                   Connectivity connectivity, Arena& scratch);
/// The runs of equal labels other than 0; only equal labels are joined.
[[nodiscard]] RunTable joined_label_runs(ImageView<const std::int32_t> labels,
                                         Connectivity connectivity, Arena& scratch);
/// For the worst labels: a run every pixel.
[[nodiscard]] std::size_t joined_label_runs_scratch_bytes(std::int64_t width, std::int64_t height);
/// For the worst mask: a run every other pixel.
[[nodiscard]] std::size_t joined_runs_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool
