#include "common/kernels/region_colour.h"

#include <cmath>

namespace tilepool {

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
      for (std::size_t c = 0; c < kPlainChannels; ++c) sums.add(c, values[c]);
      sums.add(kPlainChannels, static_cast<std::uint32_t>(stain1.value(pixel)));
      sums.add(kPlainChannels + 1, static_cast<std::uint32_t>(stain2.value(pixel)));
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
      for (std::size_t c = 0; c < kPlainChannels; ++c) sums.add(c, values[c]);
    }
  }
  sums.count = static_cast<std::uint64_t>(rgb.pixels());
  return sums;
}

}  // namespace tilepool
