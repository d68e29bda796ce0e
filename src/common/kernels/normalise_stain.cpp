#include "common/kernels/normalise_stain.h"

#include <cmath>

#include "common/base/error.h"
#include "common/kernels/stain.h"

namespace tilepool {
namespace {

Matrix3 product(const Matrix3& a, const Matrix3& b) {
  Matrix3 c{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}

Matrix3 inverse(const Matrix3& m) {
  Matrix3 adjugate{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t r = (j + 1) % 3;
      const std::size_t s = (j + 2) % 3;
      const std::size_t c = (i + 1) % 3;
      const std::size_t d = (i + 2) % 3;
      adjugate[i][j] = m[r][c] * m[s][d] - m[r][d] * m[s][c];
    }
  }
  double determinant = 0;
  for (std::size_t k = 0; k < 3; ++k) determinant += m[0][k] * adjugate[k][0];
  for (auto& row : adjugate)
    for (double& value : row) value /= determinant;
  return adjugate;
}

std::int32_t bounded(double term) {
  constexpr double kLimit = 1 << 29;  // three terms and the rounding fit 32 bits
  return static_cast<std::int32_t>(std::lround(std::clamp(term, -kLimit, kLimit)));
}

/// term[in][v][out] = matrix[out][in] * of_value(v) * scale.
template <class OfValue>
void fill_terms(const Matrix3& matrix, double scale, OfValue of_value, ChannelTerms& term) {
  for (std::size_t in = 0; in < 3; ++in)
    for (std::size_t v = 0; v < 256; ++v)
      for (std::size_t out = 0; out < 3; ++out)
        term[in][v][out] = bounded(matrix[out][in] * of_value(static_cast<double>(v)) * scale);
}

/// Densities to densities: by the concentrations of the slide's stains.
Matrix3 density_matrix(const MacenkoProfile& from, const MacenkoProfile& to) {
  Matrix3 matrix{};
  for (std::size_t s = 0; s < 2; ++s) {
    const StainVector weights = unmixing_weights(from.vectors[s], from.vectors[1 - s]);
    const double gain = to.max_concentrations[s] / from.max_concentrations[s];
    for (std::size_t out = 0; out < 3; ++out)
      for (std::size_t in = 0; in < 3; ++in)
        matrix[out][in] += to.vectors[s][out] * gain * weights[in];
  }
  return matrix;
}

void fill(const MacenkoProfile& from, const MacenkoProfile& to, DensityMap& map) {
  constexpr double kSteps = 2048;
  fill_terms(
      density_matrix(from, to), kSteps * (1 << DensityMap::kShift),
      [](double v) { return std::log(256 / (v + 1)); }, map.term);
  for (std::size_t i = 0; i < map.value.size(); ++i) {
    const double v = 256 * std::exp(-static_cast<double>(i) / kSteps) - 1;
    map.value[i] = static_cast<std::uint8_t>(std::lround(std::max(v, 0.0)));
  }
}

void fill_logarithms(LabMap& map) {
  constexpr double kOne = 1 << LabMap::kLogBits;
  for (std::size_t i = 0; i < map.log2.size(); ++i)
    map.log2[i] = static_cast<std::int32_t>(
        std::lround(kOne * (std::log2(std::max(static_cast<double>(i), 1.0)) - LabMap::kLmsBits)));
  // The middle of what falls on an entry.
  for (std::size_t i = 0; i < map.power2.size(); ++i)
    map.power2[i] = static_cast<std::int32_t>(std::lround(
        kOne * std::exp2((static_cast<double>(i) + 0.5) / (1 << LabMap::kFractionBits))));
}

void fill(const ReinhardProfile& from, const ReinhardProfile& to, LabMap& map) {
  constexpr double kCoefficient = 1 << LabMap::kCoefficientBits;
  fill_terms(
      kLmsFromRgb, 1 << (LabMap::kLmsBits + LabMap::kTermShift),
      [](double v) { return (v + 1) / 256; }, map.term);
  fill_logarithms(map);
  const Matrix3 lab = lab_from_log_lms();
  const Matrix3 back = inverse(lab);
  Matrix3 scaled = lab;
  std::array<double, 3> shift{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double gain = to.deviation[i] / from.deviation[i];
    for (double& value : scaled[i]) value *= gain;
    shift[i] = (to.mean[i] - gain * from.mean[i]) / std::log(2.0);
  }
  const Matrix3 slope = product(back, scaled);
  const Matrix3 rgb = inverse(kLmsFromRgb);
  for (std::size_t i = 0; i < 3; ++i) {
    double offset = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      map.slope[i][j] = std::llround(slope[i][j] * kCoefficient);
      map.rgb_from_lms[i][j] = std::llround(rgb[i][j] * kCoefficient);
      offset += back[i][j] * shift[j];
    }
    map.offset[i] = std::llround((offset * (1 << LabMap::kLogBits) + 0.5) * kCoefficient);
  }
}

}  // namespace

Matrix3 lab_from_log_lms() {
  const double l = 1 / std::sqrt(3.0);
  const double a = 1 / std::sqrt(6.0);
  const double b = 1 / std::sqrt(2.0);
  return {{{l, l, l}, {a, a, -2 * a}, {b, -b, 0}}};
}

std::unique_ptr<const StainMap> make_stain_map(const StainProfile& from, const StainProfile& to) {
  check(from.index() == to.index(), ErrorCode::kInternal,
        "a slide's stains and the target are of two methods");
  auto map = std::make_unique<StainMap>();
  if (const auto* macenko = std::get_if<MacenkoProfile>(&from))
    fill(*macenko, std::get<MacenkoProfile>(to), map->emplace<DensityMap>());
  else
    fill(std::get<ReinhardProfile>(from), std::get<ReinhardProfile>(to), map->emplace<LabMap>());
  return map;
}

void normalise_stain(RgbView rgb, const StainMap& map) {
  std::visit(
      [&](const auto& of_pixel) {
        for (std::int64_t y = 0; y < rgb.height; ++y) {
          std::uint8_t* pixel = rgb.row(y);
          for (std::int64_t x = 0; x < rgb.width; ++x, pixel += 3) of_pixel(pixel);
        }
      },
      map);
}

}  // namespace tilepool
