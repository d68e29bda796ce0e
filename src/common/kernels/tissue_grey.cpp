#include "common/kernels/tissue_grey.h"

#include <algorithm>

#include "common/base/error.h"

namespace tilepool {
namespace {

/// Applies value(r, g, b) to every pixel.
template <class Value>
void map_pixels(ConstRgbView rgb, ImageView<std::uint8_t> out, const Value& value) {
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    const std::uint8_t* in = rgb.row(y);
    std::uint8_t* row = out.row(y);
    for (std::int64_t x = 0; x < rgb.width; ++x) {
      row[x] = static_cast<std::uint8_t>(value(
          std::uint32_t{in[3 * x]}, std::uint32_t{in[3 * x + 1]}, std::uint32_t{in[3 * x + 2]}));
    }
  }
}

}  // namespace

void box_average(ConstRgbView in, std::int64_t k, RgbView out) {
  check(k >= 1 && k <= 4096, ErrorCode::kInternal, "box of {} px is not in 1..4096", k);
  for (std::int64_t j = 0; j < out.height; ++j) {
    const std::int64_t y_end = std::min((j + 1) * k, in.height);
    for (std::int64_t i = 0; i < out.width; ++i) {
      const std::int64_t x_end = std::min((i + 1) * k, in.width);
      std::uint32_t sum[3] = {};  // 4096^2 * 255 < 2^32
      for (std::int64_t y = j * k; y < y_end; ++y) {
        for (const std::uint8_t* p = in.pixel(i * k, y); p != in.pixel(x_end, y); p += 3) {
          sum[0] += p[0];
          sum[1] += p[1];
          sum[2] += p[2];
        }
      }
      const auto n = static_cast<std::uint32_t>((x_end - i * k) * (y_end - j * k));
      for (int c = 0; c < 3; ++c) {
        out.pixel(i, j)[c] = static_cast<std::uint8_t>((std::uint64_t{sum[c]} + n / 2) / n);
      }
    }
  }
}

void grey_plane(ConstRgbView rgb, ImageView<std::uint8_t> out) {
  map_pixels(rgb, out, [](std::uint32_t r, std::uint32_t g, std::uint32_t b) {
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
  });
}

void brightest_plane(ConstRgbView rgb, ImageView<std::uint8_t> out) {
  map_pixels(rgb, out, [](std::uint32_t r, std::uint32_t g, std::uint32_t b) {
    return std::max({r, g, b});
  });
}

void saturation_plane(ConstRgbView rgb, ImageView<std::uint8_t> out) {
  map_pixels(rgb, out, [](std::uint32_t r, std::uint32_t g, std::uint32_t b) {
    const std::uint32_t high = std::max({r, g, b});
    const std::uint32_t low = std::min({r, g, b});
    return high == 0 ? 0U : (255 * (high - low) + high / 2) / high;
  });
}

std::array<std::uint64_t, 256> histogram(ImageView<const std::uint8_t> plane) {
  std::array<std::uint64_t, 256> bins{};
  for (std::int64_t y = 0; y < plane.height; ++y) {
    for (std::int64_t x = 0; x < plane.width; ++x) ++bins[plane.row(y)[x]];
  }
  return bins;
}

}  // namespace tilepool
