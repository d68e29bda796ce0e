#include "worker/segment_stains.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/core.h>

namespace tilepool {
namespace {

constexpr double kBeta = 0.15 / 2.302585092994046;  // 0.15 in natural logarithms, here base 10
constexpr double kAlpha = 0.01;
constexpr double kMinPixels = 1000;
constexpr double kMinAngle = 0.15;  // radians between the two stains

using Matrix = std::array<std::array<double, 3>, 3>;

double dot(const StainVector& a, const StainVector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/// Covariance of the densities.
Matrix covariance(const ColourCounts& colours) {
  double n = 0;
  StainVector mean{};
  for (const auto& c : colours) {
    n += c.count;
    for (std::size_t i = 0; i < 3; ++i) mean[i] += c.count * c.density[i];
  }
  for (double& m : mean) m /= n;
  Matrix cov{};
  for (const auto& c : colours) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        cov[i][j] += c.count / n * (c.density[i] - mean[i]) * (c.density[j] - mean[j]);
      }
    }
  }
  return cov;
}

/// One Jacobi rotation that zeroes m[p][q]; the columns of `vectors` turn with it.
void rotate(Matrix& m, Matrix& vectors, std::size_t p, std::size_t q) {
  if (m[p][q] == 0) return;
  const double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  const double s = t * c;
  for (std::size_t k = 0; k < 3; ++k) {
    const double kp = m[k][p];
    const double kq = m[k][q];
    m[k][p] = c * kp - s * kq;
    m[k][q] = s * kp + c * kq;
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double pk = m[p][k];
    const double qk = m[q][k];
    m[p][k] = c * pk - s * qk;
    m[q][k] = s * pk + c * qk;
    const double vp = vectors[k][p];
    const double vq = vectors[k][q];
    vectors[k][p] = c * vp - s * vq;
    vectors[k][q] = s * vp + c * vq;
  }
}

}  // namespace

std::pair<StainVector, StainVector> leading_plane(std::array<std::array<double, 3>, 3> m) {
  Matrix vectors{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  for (int sweep = 0; sweep < 32; ++sweep) {
    rotate(m, vectors, 0, 1);
    rotate(m, vectors, 0, 2);
    rotate(m, vectors, 1, 2);
  }
  std::array<std::size_t, 3> order = {0, 1, 2};
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return m[a][a] > m[b][b]; });
  const auto column = [&](std::size_t i) {
    StainVector v = {vectors[0][i], vectors[1][i], vectors[2][i]};
    if (v[0] + v[1] + v[2] < 0) v = {-v[0], -v[1], -v[2]};
    return v;
  };
  return {column(order[0]), column(order[1])};
}

namespace {

/// The value below which `share` of the counts lie.
double percentile(std::vector<std::pair<double, double>>& values, double share) {
  std::sort(values.begin(), values.end());
  double total = 0;
  for (const auto& v : values) total += v.second;
  double seen = 0;
  for (const auto& v : values) {
    seen += v.second;
    if (seen >= share * total) return v.first;
  }
  return values.empty() ? 0 : values.back().first;
}

StainVector direction(const std::pair<StainVector, StainVector>& plane, double angle) {
  StainVector v{};
  for (std::size_t i = 0; i < 3; ++i) {
    v[i] = std::max(std::cos(angle) * plane.first[i] + std::sin(angle) * plane.second[i], 0.0);
  }
  return v;
}

}  // namespace

StainEstimate estimate_stains(const ColourCounts& colours) {
  ColourCounts strong;
  double pixels = 0;
  for (const auto& c : colours) {
    if (std::min({c.density[0], c.density[1], c.density[2]}) < kBeta) continue;
    strong.push_back(c);
    pixels += c.count;
  }
  if (pixels < kMinPixels) {
    return {{}, {}, fmt::format("{:.0f} stained pixels, {:.0f} needed", pixels, kMinPixels)};
  }
  const auto plane = leading_plane(covariance(strong));
  std::vector<std::pair<double, double>> angles;
  for (const auto& c : strong) {
    angles.emplace_back(std::atan2(dot(c.density, plane.second), dot(c.density, plane.first)),
                        c.count);
  }
  StainVector a = direction(plane, percentile(angles, kAlpha));
  StainVector b = direction(plane, percentile(angles, 1 - kAlpha));
  if (dot(a, a) == 0 || dot(b, b) == 0) return {{}, {}, "stain vector of zero length"};
  a = normalised(a);
  b = normalised(b);
  if (a[0] < b[0]) std::swap(a, b);
  const double angle = angle_between(a, b);
  if (!(angle >= kMinAngle)) {
    return {{}, {}, fmt::format("one stain only, the angle between two is {:.3f} rad", angle)};
  }
  return {a, b, ""};
}

double concentration_percentile(const ColourCounts& colours, const StainVector& weights,
                                double share) {
  std::vector<std::pair<double, double>> values;
  values.reserve(colours.size());
  for (const auto& c : colours) values.emplace_back(dot(weights, c.density), c.count);
  return std::max(percentile(values, share), 0.05);
}

}  // namespace tilepool
