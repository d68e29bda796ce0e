#pragma once

#include <array>
#include <cstdint>

namespace tilepool {

/// Optical density (base 10) of an 8-bit value: log10(256 / (value + 1)), so 0 for 255 and 2.408
/// for 0. The +1 keeps black finite.
[[nodiscard]] double optical_density(double value);

/// The least integer v in 0..256 with optical_density(v) <= density: "value < v" is the integer
/// form of "OD > density".
[[nodiscard]] int value_limit_of_density(double density);

/// The same for a value in steps of 1/256: the least integer v in 0..65536 with
/// optical_density(v / 256) <= density.
[[nodiscard]] int fine_limit_of_density(double density);

}  // namespace tilepool
