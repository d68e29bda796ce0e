#pragma once

#include <array>
#include <variant>

namespace tilepool {

/// How the tissue of a slide is stained, as Macenko et al. (ISBI 2009) see it. Optical densities
/// are ln(256 / (value + 1)).
struct MacenkoProfile {
  /// Density of R, G, B per unit of each stain, about unit length; the bluer stain first.
  std::array<std::array<double, 3>, 2> vectors{};
  std::array<double, 2> max_concentrations{};  ///< 99th percentile of each, > 0
  friend bool operator==(const MacenkoProfile&, const MacenkoProfile&) = default;
};

/// The same as Reinhard et al. (IEEE CG&A 21:34, 2001) see it: mean and standard deviation (> 0) of
/// l, alpha and beta of Ruderman's space, from natural logarithms of L, M and S, of which white has
/// about 1.
struct ReinhardProfile {
  std::array<double, 3> mean{};
  std::array<double, 3> deviation{};
  friend bool operator==(const ReinhardProfile&, const ReinhardProfile&) = default;
};

/// What stain normalisation fits to a slide, and what it gives all slides.
using StainProfile = std::variant<MacenkoProfile, ReinhardProfile>;

}  // namespace tilepool
