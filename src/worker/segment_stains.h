#pragma once

#include <string>
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

/// Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI
/// 2009: the 1st and 99th percentile of the angle in the plane of the two leading eigenvectors of
/// the optical densities above beta. A vector's components are raised to `least_density`: 0 for no
/// stain that brightens a channel, -1 for the vectors as they come out.
[[nodiscard]] StainEstimate estimate_stains(const ColourCounts& colours, double least_density = 0);

/// The `share` percentile (0..1) of the concentration weights . density, at least `least`; 0.05 so
/// that a blank slide is not blown up.
[[nodiscard]] double concentration_percentile(const ColourCounts& colours,
                                              const StainVector& weights, double share,
                                              double least = 0.05);

}  // namespace tilepool
