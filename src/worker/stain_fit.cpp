#include "worker/stain_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/kernels/normalise_stain.h"
#include "common/kernels/stain.h"
#include "worker/segment_stains.h"

namespace tilepool {
namespace {

constexpr double kBeta = 0.15;
constexpr double kMinPixels = 1000;
constexpr double kMinAngle = 0.2;          // radians
constexpr double kMinConcentration = 0.1;  // natural logarithm
constexpr double kMinDeviation = 0.002;
constexpr std::size_t kColours = std::size_t{1} << 24;

using Densities = std::array<double, 256>;

const Densities& densities() {
  static const Densities kDensities = [] {
    Densities all{};
    for (std::size_t v = 0; v < all.size(); ++v)
      all[v] = std::log(256 / (static_cast<double>(v) + 1));
    return all;
  }();
  return kDensities;
}

/// A colour of tissue: its values, their densities, how many pixels have it.
struct TissueColour {
  std::array<std::size_t, 3> value;
  StainVector density;
  double pixels;
};

template <class Fn>
void for_each_tissue(std::span<const std::uint32_t> counts, Fn fn) {
  const Densities& density = densities();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const std::array<std::size_t, 3> v = {i >> 16, (i >> 8) & 255, i & 255};
    if (density[std::min({v[0], v[1], v[2]})] <= kBeta) continue;
    fn(TissueColour{v, {density[v[0]], density[v[1]], density[v[2]]}, 1.0 * counts[i]});
  }
}

bool stained_in_every_channel(const TissueColour& colour) {
  return std::min({colour.density[0], colour.density[1], colour.density[2]}) > kBeta;
}

double dot(const StainVector& a, const StainVector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/// Percentiles of weighted values in [least, most), to 2^-16 of the range.
class Percentiles {
 public:
  Percentiles(double least, double most)
      : least_(least), scale_(kBins / (most - least)), bins_(kBins) {}
  void add(double value, double weight) {
    const double at = std::clamp((value - least_) * scale_, 0.0, kBins - 1.0);
    bins_[static_cast<std::size_t>(at)] += weight;
    total_ += weight;
  }
  /// The value below which `share` (0..1) of the weight lies.
  [[nodiscard]] double at(double share) const {
    double seen = 0;
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      const double wanted = share * total_ - seen;
      if (bins_[i] > 0 && wanted <= bins_[i])
        return least_ + (static_cast<double>(i) + wanted / bins_[i]) / scale_;
      seen += bins_[i];
    }
    return least_;
  }

 private:
  static constexpr int kBins = 1 << 16;
  double least_, scale_, total_ = 0;
  std::vector<double> bins_;
};

/// Covariance of the densities of colours stained in every channel; nullopt for too few of them.
std::optional<Matrix3> covariance(std::span<const std::uint32_t> counts) {
  double n = 0;
  StainVector sum{};
  Matrix3 products{};
  for_each_tissue(counts, [&](const TissueColour& c) {
    if (!stained_in_every_channel(c)) return;
    n += c.pixels;
    for (std::size_t i = 0; i < 3; ++i) {
      sum[i] += c.pixels * c.density[i];
      for (std::size_t j = 0; j < 3; ++j) products[i][j] += c.pixels * c.density[i] * c.density[j];
    }
  });
  if (n < kMinPixels) return std::nullopt;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      products[i][j] = products[i][j] / n - sum[i] / n * (sum[j] / n);
  return products;
}

/// The two stains, the bluer first.
std::array<StainVector, 2> macenko_vectors(std::span<const std::uint32_t> counts,
                                           const Matrix3& covariance) {
  const auto plane = leading_plane(covariance);
  Percentiles angles(-std::numbers::pi, std::numbers::pi);
  for_each_tissue(counts, [&](const TissueColour& c) {
    if (stained_in_every_channel(c))
      angles.add(std::atan2(dot(c.density, plane.second), dot(c.density, plane.first)), c.pixels);
  });
  std::array<StainVector, 2> stains{};
  for (std::size_t s = 0; s < 2; ++s) {
    const double angle = angles.at(s == 0 ? 0.01 : 0.99);
    for (std::size_t c = 0; c < 3; ++c)
      stains[s][c] = std::cos(angle) * plane.first[c] + std::sin(angle) * plane.second[c];
  }
  if (stains[0][0] < stains[1][0]) std::swap(stains[0], stains[1]);
  return stains;
}

std::optional<StainProfile> fit_macenko(std::span<const std::uint32_t> counts,
                                        std::string& why_not) {
  const std::optional<Matrix3> spread = covariance(counts);
  if (!spread) {
    why_not = fmt::format("fewer than {:.0f} pixels are stained in every channel", kMinPixels);
    return std::nullopt;
  }
  MacenkoProfile profile{macenko_vectors(counts, *spread), {}};
  const double angle = angle_between(profile.vectors[0], profile.vectors[1]);
  if (!(angle >= kMinAngle)) {
    why_not = fmt::format("one stain only, the angle between two is {:.3f} rad", angle);
    return std::nullopt;
  }
  for (std::size_t s = 0; s < 2; ++s) {
    const StainVector weights = unmixing_weights(profile.vectors[s], profile.vectors[1 - s]);
    Percentiles concentrations(-16, 48);
    for_each_tissue(counts, [&](const TissueColour& c) {
      concentrations.add(dot(weights, c.density), c.pixels);
    });
    profile.max_concentrations[s] = concentrations.at(0.99);
    if (profile.max_concentrations[s] >= kMinConcentration) continue;
    why_not = fmt::format("stain {} is all but absent, its 99th percentile is {:.3f}", s + 1,
                          profile.max_concentrations[s]);
    return std::nullopt;
  }
  return profile;
}

std::optional<StainProfile> fit_reinhard(std::span<const std::uint32_t> counts,
                                         std::string& why_not) {
  const Matrix3 lab = lab_from_log_lms();
  std::array<double, 3> sum{};
  std::array<double, 3> square{};
  double n = 0;
  for_each_tissue(counts, [&](const TissueColour& c) {
    std::array<double, 3> log{};
    for (std::size_t i = 0; i < 3; ++i) {
      double lms = 0;
      for (std::size_t k = 0; k < 3; ++k)
        lms += kLmsFromRgb[i][k] * (static_cast<double>(c.value[k]) + 1) / 256;
      log[i] = std::log(lms);
    }
    for (std::size_t i = 0; i < 3; ++i) {
      const double value = dot(lab[i], log);
      sum[i] += c.pixels * value;
      square[i] += c.pixels * value * value;
    }
    n += c.pixels;
  });
  ReinhardProfile profile;
  for (std::size_t i = 0; i < 3; ++i) {
    profile.mean[i] = sum[i] / n;
    profile.deviation[i] =
        std::sqrt(std::max(square[i] / n - profile.mean[i] * profile.mean[i], 0.0));
    if (profile.deviation[i] >= kMinDeviation) continue;
    constexpr std::array<const char*, 3> kAxes = {"l", "alpha", "beta"};
    why_not = fmt::format("all tissue has one colour, {} deviates by {:.4f}", kAxes[i],
                          profile.deviation[i]);
    return std::nullopt;
  }
  return profile;
}

}  // namespace

StainFitter::StainFitter(StainNormalisation method, Budget& budget)
    : method_(method), counts_(budget, kColours, "the colours of a slide") {
  check(method != StainNormalisation::kNone, ErrorCode::kInternal, "no stains are asked for");
}

std::size_t StainFitter::counts_bytes() { return kColours * sizeof(std::uint32_t); }

void StainFitter::add(ConstRgbView patch) {
  const std::span<std::uint32_t> counts = counts_.span();
  for (std::int64_t y = 0; y < patch.height; ++y) {
    const std::uint8_t* pixel = patch.row(y);
    for (std::int64_t x = 0; x < patch.width; ++x, pixel += 3) {
      std::uint32_t& count =
          counts[std::size_t{pixel[0]} << 16 | std::size_t{pixel[1]} << 8 | pixel[2]];
      count += count < std::numeric_limits<std::uint32_t>::max() ? 1 : 0;
    }
  }
}

std::optional<StainProfile> StainFitter::finish(std::string& why_not) const {
  why_not.clear();
  double pixels = 0;
  for_each_tissue(counts_.span(), [&](const TissueColour& c) { pixels += c.pixels; });
  if (pixels < kMinPixels) {
    why_not = fmt::format("{:.0f} tissue pixels, {:.0f} needed", pixels, kMinPixels);
    return std::nullopt;
  }
  return method_ == StainNormalisation::kMacenko ? fit_macenko(counts_.span(), why_not)
                                                 : fit_reinhard(counts_.span(), why_not);
}

StainProfile default_stain_target(StainNormalisation method) {
  if (method == StainNormalisation::kMacenko)
    return MacenkoProfile{{{{0.5626, 0.7201, 0.4062}, {0.2159, 0.8012, 0.5581}}}, {1.9705, 1.0308}};
  const double white = std::numbers::sqrt3 * std::log(256.0);
  return ReinhardProfile{{8.74108109 - white, -0.12440419, 0.0444982},
                         {0.6135447, 0.10989545, 0.0286032}};
}

}  // namespace tilepool
