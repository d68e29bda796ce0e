#pragma once

#include <cstdint>
#include <span>

namespace tilepool {

/// Threshold of a histogram with one peak of dark background and a long bright tail (Zack, Rogers &
/// Latt 1977): the value above the peak whose count lies farthest below the line from the peak to
/// the brightest occupied bin; the brightest of equals. Foreground is "> t". Equal to
/// skimage.filters.threshold_triangle of an integer image whose tail is on the bright side. The
/// peak itself when nothing is brighter; 0 when empty.
[[nodiscard]] int triangle_threshold(std::span<const std::uint64_t> bins);

}  // namespace tilepool
