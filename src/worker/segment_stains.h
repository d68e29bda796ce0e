#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "common/kernels/stain.h"

namespace tilepool {

/// A colour as optical densities, and how many pixels have it.
struct ColourCount {
  StainVector density;
  double count;
};
using ColourCounts = std::vector<ColourCount>;

/// Two stain vectors, the bluer (haematoxylin: more red light absorbed) first. `reason` is empty
/// when they can be used, else says why not.
struct StainEstimate {
  StainVector first{}, second{};
  std::string reason;
};

/// The two leading eigenvectors of a symmetric matrix, each with a positive sum.
[[nodiscard]] std::pair<StainVector, StainVector> leading_plane(
    std::array<std::array<double, 3>, 3> m);

/// Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI
/// 2009: the 1st and 99th percentile of the angle in the plane of the two leading eigenvectors of
/// the optical densities above beta.
[[nodiscard]] StainEstimate estimate_stains(const ColourCounts& colours);

/// The `share` percentile (0..1) of the concentration weights . density; at least 0.05, so that a
/// blank slide is not blown up.
[[nodiscard]] double concentration_percentile(const ColourCounts& colours,
                                              const StainVector& weights, double share);

}  // namespace tilepool
