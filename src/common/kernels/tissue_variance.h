#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"

namespace tilepool {

/// The variance above which a pixel is tissue, for a whole cohort: k-means with three clusters over
/// `values` (variances of calibration pixels of all slides, in any order), then the midpoint
/// between the lowest two centroids: the lowest cluster is glass. Lloyd's iteration from the
/// quantiles 1/6, 3/6, 5/6 until nothing moves: the same for any order of values. A single value:
/// that value (nothing is above it). Throws Error(kInternal) when `values` is empty.
[[nodiscard]] double variance_threshold(std::span<const std::uint16_t> values);

/// mask = variance > threshold, as 1 and 0.
void mask_from_variance(ImageView<const std::uint16_t> variance, double threshold,
                        ImageView<std::uint8_t> mask);

}  // namespace tilepool
