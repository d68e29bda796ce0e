#pragma once

#include <cstdint>

namespace tilepool {

/// A hash of a seed and a place: every random number of a synthetic slide comes from here, so that
/// any tile can be made without the others. Mixer: "lowbias32", Wellons (2018).
[[nodiscard]] constexpr std::uint32_t mix_bits(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}
[[nodiscard]] constexpr std::uint32_t hash_at(std::uint32_t seed, std::int64_t x, std::int64_t y) {
  const auto column = static_cast<std::uint32_t>(x) * 0x9E3779B1U;
  const auto row = static_cast<std::uint32_t>(y) * 0x85EBCA77U;
  return mix_bits(mix_bits(seed + column) + row);
}

/// 0 <= value < 1.
[[nodiscard]] constexpr double unit_at(std::uint32_t seed, std::int64_t x, std::int64_t y) {
  return hash_at(seed, x, y) / 4294967296.0;
}

}  // namespace tilepool
