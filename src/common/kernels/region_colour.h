#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/region_box.h"
#include "common/kernels/stain.h"

namespace tilepool {

/// The colour channels that are summed, in feature order, each an integer:
///   R, G, B     0..255
///   grey        luminance in 1/256: (13926 R + 46885 G + 4725 B + 128) >> 8
///   (skimage.color.rgb2gray) H, S        1/32768, rounded to nearest (skimage.color.rgb2hsv); H
///   and S of grey are 0 V           max(R, G, B), 0..255 stain 1, 2  plane values, 0..4095
enum ColourChannel : std::size_t { kRed, kGreen, kBlue, kGrey, kHue, kSaturation, kValue };
inline constexpr std::size_t kPlainChannels = 7;
inline constexpr std::size_t kAllChannels = 9;

/// What one step of a channel is in the feature's unit.
inline constexpr std::array<double, kAllChannels> kChannelUnit = {1.0,
                                                                  1.0,
                                                                  1.0,
                                                                  1.0 / 256,
                                                                  1.0 / 32768,
                                                                  1.0 / 32768,
                                                                  1.0 / 255,
                                                                  1.0 / kPlaneReference,
                                                                  1.0 / kPlaneReference};

using ChannelValues = std::array<std::uint32_t, kPlainChannels>;

/// Hue in 1/32768 of a turn; `high` is the largest of the three, `delta` that less the smallest.
[[nodiscard]] constexpr std::uint32_t hue(int r, int g, int b, int high, int delta) {
  if (delta == 0) return 0;
  int sixths = 0;  // in units of 1 / delta
  if (b == high) {
    sixths = 4 * delta + (r - g);
  } else if (g == high) {
    sixths = 2 * delta + (b - r);
  } else {
    sixths = g - b;
  }
  if (sixths < 0) sixths += 6 * delta;
  return static_cast<std::uint32_t>((sixths * 32768 + 3 * delta) / (6 * delta));
}

/// The plain channels of a pixel.
[[nodiscard]] constexpr ChannelValues plain_channels(int r, int g, int b) {
  const int high = std::max(r, std::max(g, b));
  const int delta = high - std::min(r, std::min(g, b));
  const int saturation = high == 0 ? 0 : (delta * 32768 + high / 2) / high;
  return {static_cast<std::uint32_t>(r),
          static_cast<std::uint32_t>(g),
          static_cast<std::uint32_t>(b),
          static_cast<std::uint32_t>((13926 * r + 46885 * g + 4725 * b + 128) >> 8),
          hue(r, g, b, high, delta),
          static_cast<std::uint32_t>(saturation),
          static_cast<std::uint32_t>(high)};
}
[[nodiscard]] constexpr ChannelValues plain_channels(const std::uint8_t* rgb) {
  return plain_channels(rgb[0], rgb[1], rgb[2]);
}

/// Sums of channels over a set of pixels; exact, so the order of summation does not matter.
template <std::size_t N>
struct ColourSums {
  std::uint64_t count = 0;
  std::array<std::uint64_t, N> sum{};
  std::array<std::uint64_t, N> square{};
  std::uint64_t dark = 0;  ///< pixels whose grey is below the limit given

  constexpr void add(std::size_t channel, std::uint32_t value) {
    sum[channel] += value;
    square[channel] += std::uint64_t{value} * value;
  }
};

struct MeanAndStd {
  double mean = 0;
  double std = 0;  ///< of the population
};
/// In steps of the channel; count > 0.
[[nodiscard]] MeanAndStd mean_and_std(std::uint64_t count, std::uint64_t sum, std::uint64_t square);

/// Sums over the pixels of `label`, which lie in `box`. `dark_limit` in grey channel steps:
/// pixels whose grey is below it are dark.
[[nodiscard]] ColourSums<kAllChannels> measure_colour(ConstRgbView rgb,
                                                      ImageView<const std::int32_t> labels,
                                                      std::int32_t label, const RegionBox& box,
                                                      const UnmixTable& stain1,
                                                      const UnmixTable& stain2, int dark_limit);
/// Sums over a whole image.
[[nodiscard]] ColourSums<kPlainChannels> measure_colour(ConstRgbView rgb);

}  // namespace tilepool
