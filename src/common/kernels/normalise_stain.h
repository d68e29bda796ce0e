#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <variant>

#include "common/base/image_view.h"
#include "common/base/stain_profile.h"

namespace tilepool {

using Matrix3 = std::array<std::array<double, 3>, 3>;

/// L, M, S from R, G, B, and l, alpha, beta from their logarithms: Reinhard et al., "Color transfer
/// between images", IEEE Computer Graphics and Applications 21(5):34 (2001), equations 4 and 6.
inline constexpr Matrix3 kLmsFromRgb = {
    {{0.3811, 0.5783, 0.0402}, {0.1967, 0.7244, 0.0782}, {0.0241, 0.1288, 0.8444}}};
[[nodiscard]] Matrix3 lab_from_log_lms();

/// Per value of each channel, what it adds to three sums (the fourth makes a row 16 bytes).
using ChannelTerms = std::array<std::array<std::array<std::int32_t, 4>, 256>, 3>;

/// Macenko: the densities of the normalised pixel are linear in those of the pixel.
struct DensityMap {
  static constexpr int kShift = 5;          ///< terms are in steps of 1/2048 / 2^kShift
  static constexpr int kDensities = 11264;  ///< beyond 5.5 all is black
  ChannelTerms term;
  std::array<std::uint8_t, kDensities> value;  ///< of a density in steps of 1/2048

  constexpr void operator()(std::uint8_t* rgb) const {
    const auto& r = term[0][rgb[0]];
    const auto& g = term[1][rgb[1]];
    const auto& b = term[2][rgb[2]];
    for (std::size_t c = 0; c < 3; ++c) {
      const std::int32_t density = (r[c] + g[c] + b[c] + (1 << (kShift - 1))) >> kShift;
      rgb[c] = value[static_cast<std::size_t>(std::clamp(density, 0, kDensities - 1))];
    }
  }
};

/// Reinhard: the logarithms (base 2) of L, M, S of the normalised pixel are affine in those of the
/// pixel.
struct LabMap {
  /// Glass, of which nothing was fitted, stays: a pixel whose darkest channel has a density of at
  /// most 0.15, ln(256 / 221) = 0.147.
  static constexpr int kPaleValue = 220;
  static constexpr int kLmsBits = 14;  ///< L, M, S of a pixel in steps of 2^-14
  static constexpr int kTermShift = 6;
  static constexpr int kLogBits = 20;       ///< logarithms in steps of 2^-20
  static constexpr int kFractionBits = 14;  ///< of a logarithm, that are looked up
  static constexpr int kCoefficientBits = 16;
  static constexpr std::int64_t kLeastLog = -(std::int64_t{14} << kLogBits);
  static constexpr std::int64_t kMostLog = (std::int64_t{4} << kLogBits) - 1;
  ChannelTerms term;
  std::array<std::int32_t, (1 << kLmsBits) + 1> log2;
  std::array<std::array<std::int64_t, 3>, 3> slope;
  std::array<std::int64_t, 3> offset;                     ///< with the rounding
  std::array<std::int32_t, (1 << kFractionBits)> power2;  ///< 2^(i / size) in steps of 2^-20
  std::array<std::array<std::int64_t, 3>, 3> rgb_from_lms;

  constexpr void operator()(std::uint8_t* rgb) const {
    if (std::min(rgb[0], std::min(rgb[1], rgb[2])) >= kPaleValue) return;
    std::int64_t log[3] = {};
    for (std::size_t c = 0; c < 3; ++c) {
      const std::int32_t sum = term[0][rgb[0]][c] + term[1][rgb[1]][c] + term[2][rgb[2]][c];
      log[c] = log2[static_cast<std::size_t>((sum + (1 << (kTermShift - 1))) >> kTermShift)];
    }
    std::int64_t lms[3] = {};
    for (std::size_t c = 0; c < 3; ++c) {
      const std::int64_t sum = slope[c][0] * log[0] + slope[c][1] * log[1] + slope[c][2] * log[2];
      // Copies: a reference to a constant of the class would be one to the host's memory.
      const std::int64_t y = std::clamp((sum + offset[c]) >> kCoefficientBits,
                                        std::int64_t{kLeastLog}, std::int64_t{kMostLog});
      const std::int64_t fraction =
          (y & ((std::int64_t{1} << kLogBits) - 1)) >> (kLogBits - kFractionBits);
      const std::int64_t octave = y >> kLogBits;  // -14..3
      lms[c] = (std::int64_t{power2[static_cast<std::size_t>(fraction)]} << 4) >> (4 - octave);
    }
    constexpr int kBits = kCoefficientBits + 20 - 8;  // 256 times the intensity
    for (std::size_t c = 0; c < 3; ++c) {
      const std::int64_t sum =
          rgb_from_lms[c][0] * lms[0] + rgb_from_lms[c][1] * lms[1] + rgb_from_lms[c][2] * lms[2];
      const std::int64_t v = ((sum + (std::int64_t{1} << (kBits - 1))) >> kBits) - 1;
      rgb[c] = static_cast<std::uint8_t>(std::clamp(v, std::int64_t{0}, std::int64_t{255}));
    }
  }
};

/// A slide's normalisation in fixed point: trivially copyable, for any device.
using StainMap = std::variant<DensityMap, LabMap>;

/// What makes a slide that is stained as `from` look as one that is stained as `to`; both are of
/// one method. The map of a pixel is within one grey level (Reinhard: two) of the formulas in
/// double precision:
///   Macenko: concentrations by least squares, times to.max / from.max, densities by to.vectors;
///   Reinhard: (lab - from.mean) * to.deviation / from.deviation + to.mean, L, M and S then bounded
///   by 2^-14 and 2^4; pixels without a channel below LabMap::kPaleValue stay;
/// and what leaves 0..255 is cut off. Throws Error(kInternal) when the stains of `from` are
/// parallel or the methods differ.
[[nodiscard]] std::unique_ptr<const StainMap> make_stain_map(const StainProfile& from,
                                                             const StainProfile& to);

/// Maps every pixel, in place.
void normalise_stain(RgbView rgb, const StainMap& map);

}  // namespace tilepool
