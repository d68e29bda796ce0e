#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/image_view.h"

namespace tilepool {

/// Values of all planes that segmentation works on: 0..kPlaneMax, 12 bits.
inline constexpr std::int32_t kPlaneMax = 4095;
/// The plane value of a stain's reference concentration (the slide's 99th percentile).
inline constexpr std::int32_t kPlaneReference = 2048;

/// A stain's colour: optical densities of R, G, B, unit length.
using StainVector = std::array<double, 3>;

/// Ruifrok & Johnston, Anal Quant Cytol Histol 23:291 (2001).
inline constexpr StainVector kRuifrokHaematoxylin = {0.650, 0.704, 0.286};
inline constexpr StainVector kRuifrokEosin = {0.072, 0.990, 0.105};
inline constexpr StainVector kRuifrokDab = {0.268, 0.570, 0.776};

/// v / |v|.
[[nodiscard]] StainVector normalised(const StainVector& v);
/// Angle between two vectors, radians, 0..pi/2 for vectors of the first octant.
[[nodiscard]] double angle_between(const StainVector& a, const StainVector& b);

/// The weights that give the concentration of `wanted` from optical densities when the other
/// stain is `other`: the row of the pseudo-inverse of the 3x2 stain matrix (a third, orthogonal
/// vector takes the residual). The two must not be parallel.
[[nodiscard]] StainVector unmixing_weights(const StainVector& wanted, const StainVector& other);

/// One stain's separation as three lookup tables in fixed point (Q12). The plane value of a pixel
/// is clamp((term[0][R] + term[1][G] + term[2][B] + 2^11) >> 12, 0, kPlaneMax).
struct UnmixTable {
  std::array<std::array<std::int32_t, 256>, 3> term;

  [[nodiscard]] constexpr std::int32_t value(const std::uint8_t* rgb) const {
    const std::int32_t sum = term[0][rgb[0]] + term[1][rgb[1]] + term[2][rgb[2]];
    return std::clamp((sum + (1 << 11)) >> 12, 0, kPlaneMax);
  }
};

/// `reference` is the concentration that becomes kPlaneReference, > 0.
[[nodiscard]] UnmixTable make_unmix_table(const StainVector& weights, double reference);

/// out[y][x] = table.value(rgb[y][x]); same size.
void unmix(ConstRgbView rgb, const UnmixTable& table, ImageView<std::uint16_t> out);

/// Fluorescence: out[y][x] = 16 * max(R, G, B); same size, 0..4080.
void brightest_channel(ConstRgbView rgb, ImageView<std::uint16_t> out);

/// out[y][x] = 1 where min(R, G, B) < limit, else 0: stained by anything.
void stained_mask(ConstRgbView rgb, int limit, ImageView<std::uint8_t> out);

}  // namespace tilepool
