#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"

namespace tilepool {

/// bins[value >> shift] += 1 for every pixel; values past the last bin count in the last one.
void add_histogram(ImageView<const std::uint16_t> plane, int shift, std::span<std::uint64_t> bins);

/// Otsu's threshold of a histogram: the bin t that maximises the between-class variance of
/// {bins <= t} and {bins > t}; the first one of equals. Foreground is "> t". Equal to
/// skimage.filters.threshold_otsu of an integer image. One occupied bin: that bin. Empty: 0.
[[nodiscard]] int otsu_threshold(std::span<const std::uint64_t> bins);

}  // namespace tilepool
