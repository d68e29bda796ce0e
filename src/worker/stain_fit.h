#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/image_view.h"
#include "common/base/stain_profile.h"
#include "common/memory/buffer.h"
#include "common/model/options.h"

namespace tilepool {

/// Fits a slide's StainProfile to patches of it, fed one after the other: deterministic, and of the
/// multiset of their pixels only. One thread.
///
/// Tissue pixels are those whose darkest channel has a density above 0.15 (natural logarithm,
/// Macenko's beta).
///   Macenko: the 1st and 99th percentile of the angle in the plane of the two leading eigenvectors
///   of the densities, of pixels all of whose channels are above beta; 99th percentile of the
///   concentrations of tissue pixels.
///   Reinhard: mean and standard deviation of l, alpha, beta of tissue pixels.
class StainFitter {
 public:
  /// `method` is not kNone. Takes counts_bytes() from `budget`, which must outlive it.
  StainFitter(StainNormalisation method, Budget& budget);
  [[nodiscard]] static std::size_t counts_bytes();

  void add(ConstRgbView patch);
  /// nullopt, with the reason in `why_not`, where there is nothing to go by: fewer than 1000 tissue
  /// pixels; Macenko: fewer than 1000 with stain in every channel, two vectors less than 0.2 rad
  /// apart (slides of two stains have 0.24 and more, one stain with a camera's noise up to 0.17:
  /// docs/stains.md), a stain with a 99th percentile below 0.1; Reinhard: a deviation below 0.002.
  [[nodiscard]] std::optional<StainProfile> finish(std::string& why_not) const;

 private:
  StainNormalisation method_;
  Buffer<std::uint32_t> counts_;  ///< by colour; stays at its largest value
};

/// The target of a normalisation that names no reference.
///   Macenko: HERef and maxCRef of M. Veta's normalizeStaining (github.com/mitkovetta/
///   staining-normalization), the ones in common use.
///   Reinhard: region of TCGA-A2-A3XS-DX1 of Amgad et al., Bioinformatics 35:3461 (2019), as in
///   HistomicsTK's examples; there L, M, S of white are about 255, so sqrt(3) ln 256 is taken off
///   the mean of l.
[[nodiscard]] StainProfile default_stain_target(StainNormalisation method);

}  // namespace tilepool
