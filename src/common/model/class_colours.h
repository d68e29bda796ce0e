#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tilepool {

using Rgb = std::array<std::uint8_t, 3>;

/// The colour that a class is drawn in, by its place in the configuration: the palette of Okabe and
/// Ito (Color Universal Design, 2008), which colour-blind people can tell apart, without its black;
/// from the eighth class on it begins anew.
[[nodiscard]] constexpr Rgb class_colour(std::size_t class_index) {
  constexpr std::array<Rgb, 7> kPalette = {Rgb{0, 158, 115},   Rgb{213, 94, 0},  Rgb{0, 114, 178},
                                           Rgb{204, 121, 167}, Rgb{230, 159, 0}, Rgb{86, 180, 233},
                                           Rgb{240, 228, 66}};
  return kPalette[class_index % kPalette.size()];
}

}  // namespace tilepool
