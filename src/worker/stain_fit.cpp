#include "worker/stain_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/kernels/normalise_stain.h"
#include "common/kernels/stain.h"
#include "worker/segment_stains.h"

namespace tilepool {
namespace {

constexpr double kBeta = 0.15;
constexpr double kBinWidth = 0.03;
constexpr double kMinPixels = 1000;
constexpr double kMinAngle = 0.2;          // radians
constexpr double kMinConcentration = 0.1;  // natural logarithm
constexpr double kMinDeviation = 0.005;

double natural_density(double value) { return std::log(256 / (value + 1)); }

/// How the 256 values of a channel share bins, and what a bin stands for.
struct ValueBins {
  std::array<std::uint16_t, 256> of_value{};
  std::vector<double> density;    ///< mean of the bin's values
  std::vector<double> intensity;  ///< mean of (value + 1) / 256
  std::size_t first_pale = 0;     ///< bins from here on have densities of at most beta
};

ValueBins make_value_bins() {
  ValueBins bins;
  int first = 0;
  double density = 0;
  double intensity = 0;
  for (int v = 0; v < 256; ++v) {
    bins.of_value[static_cast<std::size_t>(v)] = static_cast<std::uint16_t>(bins.density.size());
    density += natural_density(v);
    intensity += (v + 1) / 256.0;
    const bool dark = natural_density(v) > kBeta;
    const bool next_dark = natural_density(v + 1) > kBeta;
    const bool wide = natural_density(first) - natural_density(v + 1) > kBinWidth;
    if (v < 255 && dark == next_dark && !wide) continue;
    const double n = v + 1 - first;
    bins.density.push_back(density / n);
    bins.intensity.push_back(intensity / n);
    if (dark) bins.first_pale = bins.density.size();
    first = v + 1;
    density = intensity = 0;
  }
  return bins;
}

const ValueBins& value_bins() {
  static const ValueBins kBins = make_value_bins();
  return kBins;
}

/// fn(bin of R, of G, of B, pixels) for the colours of tissue.
template <class Fn>
void for_each_tissue(std::span<const std::uint32_t> counts, Fn fn) {
  const ValueBins& bins = value_bins();
  const std::size_t n = bins.density.size();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::size_t r = i / (n * n);
    const std::size_t g = i / n % n;
    const std::size_t b = i % n;
    if (counts[i] > 0 && std::min({r, g, b}) < bins.first_pale) fn(r, g, b, counts[i]);
  }
}

std::optional<StainProfile> fit_macenko(std::span<const std::uint32_t> counts,
                                        std::string& why_not) {
  const ValueBins& bins = value_bins();
  ColourCounts tissue;  // densities of base 10
  for_each_tissue(counts, [&](std::size_t r, std::size_t g, std::size_t b, double pixels) {
    const auto density = [&](std::size_t bin) { return bins.density[bin] / std::numbers::ln10; };
    tissue.push_back({{density(r), density(g), density(b)}, pixels});
  });
  const StainEstimate estimate = estimate_stains(tissue, -1);
  why_not = estimate.reason;
  if (!why_not.empty()) return std::nullopt;
  const double angle = angle_between(estimate.first, estimate.second);
  if (!(angle >= kMinAngle)) {
    why_not = fmt::format("one stain only, the angle between two is {:.3f} rad", angle);
    return std::nullopt;
  }
  MacenkoProfile profile{{estimate.first, estimate.second}, {}};
  for (std::size_t s = 0; s < 2; ++s) {
    const StainVector weights = unmixing_weights(profile.vectors[s], profile.vectors[1 - s]);
    profile.max_concentrations[s] =
        std::numbers::ln10 * concentration_percentile(tissue, weights, 0.99, 0);
    if (profile.max_concentrations[s] >= kMinConcentration) continue;
    why_not = fmt::format("stain {} is all but absent, its 99th percentile is {:.3f}", s + 1,
                          profile.max_concentrations[s]);
    return std::nullopt;
  }
  return profile;
}

std::optional<StainProfile> fit_reinhard(std::span<const std::uint32_t> counts,
                                         std::string& why_not) {
  const ValueBins& bins = value_bins();
  const Matrix3 lab = lab_from_log_lms();
  std::array<double, 3> sum{};
  std::array<double, 3> square{};
  double n = 0;
  for_each_tissue(counts, [&](std::size_t r, std::size_t g, std::size_t b, double pixels) {
    std::array<double, 3> log{};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& row = kLmsFromRgb[i];
      log[i] = std::log(row[0] * bins.intensity[r] + row[1] * bins.intensity[g] +
                        row[2] * bins.intensity[b]);
    }
    for (std::size_t i = 0; i < 3; ++i) {
      const double value = lab[i][0] * log[0] + lab[i][1] * log[1] + lab[i][2] * log[2];
      sum[i] += pixels * value;
      square[i] += pixels * value * value;
    }
    n += pixels;
  });
  ReinhardProfile profile;
  for (std::size_t i = 0; i < 3; ++i) {
    profile.mean[i] = sum[i] / n;
    profile.deviation[i] = std::sqrt(std::max(square[i] / n - profile.mean[i] * profile.mean[i], 0.0));
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
    : method_(method),
      counts_(budget, counts_bytes() / sizeof(std::uint32_t), "the colours of a slide") {
  check(method != StainNormalisation::kNone, ErrorCode::kInternal, "no stains are asked for");
}

std::size_t StainFitter::counts_bytes() {
  const std::size_t n = value_bins().density.size();
  return n * n * n * sizeof(std::uint32_t);
}

void StainFitter::add(ConstRgbView patch) {
  const ValueBins& bins = value_bins();
  const std::size_t n = bins.density.size();
  for (std::int64_t y = 0; y < patch.height; ++y) {
    const std::uint8_t* pixel = patch.row(y);
    for (std::int64_t x = 0; x < patch.width; ++x, pixel += 3) {
      std::uint32_t& count =
          counts_.span()[(bins.of_value[pixel[0]] * n + bins.of_value[pixel[1]]) * n +
                         bins.of_value[pixel[2]]];
      count += count < std::numeric_limits<std::uint32_t>::max() ? 1 : 0;
    }
  }
}

std::optional<StainProfile> StainFitter::finish(std::string& why_not) const {
  why_not.clear();
  double pixels = 0;
  for_each_tissue(counts_.span(), [&](auto, auto, auto, double count) { pixels += count; });
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
