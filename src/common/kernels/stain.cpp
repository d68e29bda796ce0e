#include "common/kernels/stain.h"

#include <cmath>

#include "common/base/error.h"
#include "common/kernels/optical_density.h"

namespace tilepool {
namespace {

double dot(const StainVector& a, const StainVector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

}  // namespace

StainVector normalised(const StainVector& v) {
  const double length = std::sqrt(dot(v, v));
  return {v[0] / length, v[1] / length, v[2] / length};
}

double angle_between(const StainVector& a, const StainVector& b) {
  const double cosine = dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
  return std::acos(std::clamp(cosine, -1.0, 1.0));
}

StainVector unmixing_weights(const StainVector& wanted, const StainVector& other) {
  const double ww = dot(wanted, wanted);
  const double oo = dot(other, other);
  const double wo = dot(wanted, other);
  const double determinant = ww * oo - wo * wo;
  check(determinant > 1e-9, ErrorCode::kInternal, "stain vectors are parallel (determinant {})",
        determinant);
  StainVector weights{};
  for (std::size_t c = 0; c < 3; ++c) {
    weights[c] = (oo * wanted[c] - wo * other[c]) / determinant;
  }
  return weights;
}

UnmixTable make_unmix_table(const StainVector& weights, double reference) {
  check(reference > 0, ErrorCode::kInternal, "reference concentration {} is not positive",
        reference);
  constexpr double kLimit = 1 << 29;  // three terms and the rounding fit 32 bits
  const double scale = 4096.0 * kPlaneReference / reference;
  UnmixTable table{};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t v = 0; v < 256; ++v) {
      const double term = weights[c] * optical_density(static_cast<double>(v)) * scale;
      table.term[c][v] = static_cast<std::int32_t>(std::lround(std::clamp(term, -kLimit, kLimit)));
    }
  }
  return table;
}

void unmix(ConstRgbView rgb, const UnmixTable& table, ImageView<std::uint16_t> out) {
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    const std::uint8_t* in_row = rgb.row(y);
    std::uint16_t* out_row = out.row(y);
    for (std::int64_t x = 0; x < rgb.width; ++x) {
      out_row[x] = static_cast<std::uint16_t>(table.value(in_row + 3 * x));
    }
  }
}

void brightest_channel(ConstRgbView rgb, ImageView<std::uint16_t> out) {
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    const std::uint8_t* in = rgb.row(y);
    std::uint16_t* out_row = out.row(y);
    for (std::int64_t x = 0; x < rgb.width; ++x, in += 3) {
      out_row[x] = static_cast<std::uint16_t>(16 * std::max({in[0], in[1], in[2]}));
    }
  }
}

void stained_mask(ConstRgbView rgb, int limit, ImageView<std::uint8_t> out) {
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    const std::uint8_t* in = rgb.row(y);
    std::uint8_t* out_row = out.row(y);
    for (std::int64_t x = 0; x < rgb.width; ++x, in += 3) {
      out_row[x] = std::min({in[0], in[1], in[2]}) < limit ? 1 : 0;
    }
  }
}

}  // namespace tilepool
