#include "common/kernels/region_colour.h"

#include <algorithm>
#include <cmath>

namespace tilepool {
namespace {

/// Hue in 1/32768 of a turn.
std::uint32_t hue(int r, int g, int b, int high, int delta) {
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

template <std::size_t N>
void add_channel(ColourSums<N>& sums, std::size_t channel, std::uint32_t value) {
  sums.sum[channel] += value;
  sums.square[channel] += std::uint64_t{value} * value;
}

}  // namespace

ChannelValues plain_channels(const std::uint8_t* rgb) {
  const int r = rgb[0];
  const int g = rgb[1];
  const int b = rgb[2];
  const int high = std::max({r, g, b});
  const int delta = high - std::min({r, g, b});
  const int saturation = high == 0 ? 0 : (delta * 32768 + high / 2) / high;
  return {rgb[0],
          rgb[1],
          rgb[2],
          static_cast<std::uint32_t>((13926 * r + 46885 * g + 4725 * b + 128) >> 8),
          hue(r, g, b, high, delta),
          static_cast<std::uint32_t>(saturation),
          static_cast<std::uint32_t>(high)};
}

MeanAndStd mean_and_std(std::uint64_t count, std::uint64_t sum, std::uint64_t square) {
  __extension__ using Wide = unsigned __int128;
  const Wide spread = Wide{count} * square - Wide{sum} * sum;
  const auto n = static_cast<double>(count);
  return {static_cast<double>(sum) / n, std::sqrt(static_cast<double>(spread)) / n};
}

ColourSums<kAllChannels> measure_colour(ConstRgbView rgb, ImageView<const std::int32_t> labels,
                                        std::int32_t label, const RegionBox& box,
                                        const UnmixTable& stain1, const UnmixTable& stain2,
                                        int dark_limit) {
  ColourSums<kAllChannels> sums;
  const auto limit = static_cast<std::uint32_t>(dark_limit);
  for (std::int64_t y = box.y_begin; y < box.y_end; ++y) {
    const std::int32_t* row = labels.row(y);
    for (std::int64_t x = box.x_begin; x < box.x_end; ++x) {
      if (row[x] != label) continue;
      const std::uint8_t* pixel = rgb.pixel(x, y);
      const ChannelValues values = plain_channels(pixel);
      for (std::size_t c = 0; c < kPlainChannels; ++c) add_channel(sums, c, values[c]);
      add_channel(sums, kPlainChannels, static_cast<std::uint32_t>(stain1.value(pixel)));
      add_channel(sums, kPlainChannels + 1, static_cast<std::uint32_t>(stain2.value(pixel)));
      sums.dark += values[kGrey] < limit ? 1 : 0;
      ++sums.count;
    }
  }
  return sums;
}

ColourSums<kPlainChannels> measure_colour(ConstRgbView rgb) {
  ColourSums<kPlainChannels> sums;
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    const std::uint8_t* pixel = rgb.row(y);
    for (std::int64_t x = 0; x < rgb.width; ++x, pixel += 3) {
      const ChannelValues values = plain_channels(pixel);
      for (std::size_t c = 0; c < kPlainChannels; ++c) add_channel(sums, c, values[c]);
    }
  }
  sums.count = static_cast<std::uint64_t>(rgb.pixels());
  return sums;
}

}  // namespace tilepool
