#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// When two neighbouring basins are one cell:
///   peak - saddle < depth, with the lower of their peaks, or
///   peak - saddle < fill_depth and the two together fill their ellipse to at least `fill`.
/// The fill of a set of n pixels is n / (4 pi sqrt(det M)), M the covariance of the pixels as unit
/// squares: 1 for an ellipse, 0.955 for a rectangle, 0.894 for two touching equal discs.
struct MergeRule {
  std::int32_t depth = 0;       ///< in units of the height plane, >= 0
  std::int32_t fill_depth = 0;  ///< the same; at most `depth`: never merged by shape
  double fill = 1;              ///< 0..2
};

/// Most basins, and so labels, that a plane can have: no two peaks are neighbours.
[[nodiscard]] constexpr std::int64_t max_basins(std::int64_t width, std::int64_t height) {
  return ((width + 1) / 2) * ((height + 1) / 2);
}

/// Watershed of a height map on a mask with markers chosen by dynamics (h-maxima), defined so that
/// the result does not depend on the order of work:
/// 1. Pixels are in total order: higher height first, equal heights by raster position, the
///    earlier one higher. Each pixel of the mask points to the highest of itself and its eight
///    neighbours in the mask; what leads to one peak is one basin.
/// 2. A pair of neighbours in two basins is a saddle at its lower pixel p. Saddles are taken from
///    the highest p down (total order), those of one p in raster order of the neighbour; the two
///    basins are joined when MergeRule says so, a joined basin keeping its highest peak.
/// Sums are integers; the fill is compared as 144 n^6 >= (4 pi fill)^2 (A B - C^2) in IEEE doubles
/// without contraction, A = 12 (n Sxx - Sx^2) + n^2, B alike, C = 12 (n Sxy - Sx Sy).
/// labels: 1..n in raster order of each basin's first pixel, 0 outside the mask. Returns n.
/// The plane of labels is contiguous (stride == width); at most 2^31 - 1 pixels.
/// Basins are 8-connected, two pieces of the mask never share a label.
std::int32_t split_by_dynamics(ImageView<const std::uint8_t> mask,
                               ImageView<const std::uint16_t> height, const MergeRule& rule,
                               Arena& scratch, ImageView<std::int32_t> labels);
[[nodiscard]] std::size_t split_by_dynamics_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool
