#include "common/base/small_image.h"

#include <algorithm>
#include <array>

namespace tilepool {

SmallImage shrink(ConstRgbView image, std::int64_t edge_px) {
  const std::int64_t longest = std::max({image.width, image.height, std::int64_t{1}});
  const std::int64_t to = std::min(edge_px, longest);
  SmallImage small;
  small.width = std::max<std::int64_t>(1, image.width * to / longest);
  small.height = std::max<std::int64_t>(1, image.height * to / longest);
  small.rgb.reserve(static_cast<std::size_t>(small.width * small.height * 3));
  for (std::int64_t y = 0; y < small.height; ++y) {
    const std::int64_t y0 = y * image.height / small.height;
    const std::int64_t y1 = std::max(y0 + 1, (y + 1) * image.height / small.height);
    for (std::int64_t x = 0; x < small.width; ++x) {
      const std::int64_t x0 = x * image.width / small.width;
      const std::int64_t x1 = std::max(x0 + 1, (x + 1) * image.width / small.width);
      std::array<std::int64_t, 3> sum{};
      for (std::int64_t v = y0; v < y1; ++v)
        for (const std::uint8_t* p = image.pixel(x0, v); p < image.row(v) + 3 * x1; p += 3)
          for (std::size_t c = 0; c < 3; ++c) sum[c] += p[c];
      const std::int64_t n = (y1 - y0) * (x1 - x0);
      for (const std::int64_t s : sum)
        small.rgb.push_back(static_cast<std::uint8_t>((s + n / 2) / n));
    }
  }
  return small;
}

}  // namespace tilepool
