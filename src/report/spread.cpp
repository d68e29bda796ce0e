#include "report/spread.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tilepool {
namespace {

constexpr int kFirstOctave = -8, kEndOctave = 24;
constexpr int kBinsPerOctave = 256;
constexpr std::size_t kBins = static_cast<std::size_t>(kEndOctave - kFirstOctave) * kBinsPerOctave;

std::size_t bin_of(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);  // in [0.5, 1)
  const double bin = (exponent - 1 - kFirstOctave) * kBinsPerOctave +
                     std::floor((2 * fraction - 1) * kBinsPerOctave);
  return static_cast<std::size_t>(std::clamp(bin, 0.0, static_cast<double>(kBins - 1)));
}

/// The middle of a bin.
double value_of(std::size_t bin) {
  const auto octave = static_cast<int>(bin / kBinsPerOctave) + kFirstOctave;
  const double within = (static_cast<double>(bin % kBinsPerOctave) + 0.5) / kBinsPerOctave;
  return std::ldexp(1 + within, octave);
}

/// `at(i)` is the i-th smallest of `n` values.
template <class At>
Spread spread_of(std::uint64_t n, At at) {
  const auto quantile = [&](double share) {
    if (n == 0) return std::numeric_limits<double>::quiet_NaN();
    const double place = share * static_cast<double>(n - 1);
    const auto below = static_cast<std::uint64_t>(place);
    const double low = at(below);
    const double high = at(std::min(below + 1, n - 1));
    return low + (high - low) * (place - static_cast<double>(below));
  };
  return {n, quantile(0.05), quantile(0.25), quantile(0.5), quantile(0.75), quantile(0.95)};
}

std::size_t bar_of(double value, double top, std::size_t n) {
  return std::min(n - 1, static_cast<std::size_t>(value / top * static_cast<double>(n)));
}

}  // namespace

Spread KeptValues::spread() const {
  std::vector<float> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  return spread_of(sorted.size(), [&](std::uint64_t i) { return static_cast<double>(sorted[i]); });
}

std::vector<std::uint64_t> KeptValues::bars(double top, std::size_t n) const {
  std::vector<std::uint64_t> bars(n, 0);
  for (const float value : values_) ++bars[bar_of(value, top, n)];
  return bars;
}

void CountedValues::add(double value) {
  if (counts_.empty()) counts_.resize(kBins, 0);
  ++counts_[bin_of(value)];
  ++n_;
}

Spread CountedValues::spread() const {
  return spread_of(n_, [&](std::uint64_t i) {
    std::size_t bin = 0;
    for (std::uint64_t below = counts_[0]; below <= i; below += counts_[bin]) ++bin;
    return value_of(bin);
  });
}

std::vector<std::uint64_t> CountedValues::bars(double top, std::size_t n) const {
  std::vector<std::uint64_t> bars(n, 0);
  for (std::size_t bin = 0; bin < counts_.size(); ++bin)
    if (counts_[bin] > 0) bars[bar_of(value_of(bin), top, n)] += counts_[bin];
  return bars;
}

}  // namespace tilepool
