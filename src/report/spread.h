#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tilepool {

/// Where some values lie. A quantile between two of the ordered values is interpolated linearly
/// (type 7 of Hyndman & Fan, Sample quantiles in statistical packages, 1996; numpy's default).
/// Without values all are NaN.
struct Spread {
  std::uint64_t n = 0;
  double p5 = 0, q1 = 0, median = 0, q3 = 0, p95 = 0;
};

/// Values that are kept: their quantiles are exact. 4 bytes a value, so for what there is one of
/// per tile or slide.
class KeptValues {
 public:
  void add(double value) { values_.push_back(static_cast<float>(value)); }
  [[nodiscard]] Spread spread() const;
  /// How many lie in each of `n` equal parts of [0, top); those from `top` up are in the last.
  [[nodiscard]] std::vector<std::uint64_t> bars(double top, std::size_t n) const;

 private:
  std::vector<float> values_;
};

/// Values of which only a fixed histogram is kept, 64 KiB however many there are: for cells. Its
/// bins are 1/256 to 1/512 of the value wide between 2^-8 and 2^24 (what lies outside counts as
/// the nearest end), so that a quantile is off by at most 0.2 %. The same whatever the order.
class CountedValues {
 public:
  /// `value` > 0 and finite.
  void add(double value);
  [[nodiscard]] Spread spread() const;
  /// As KeptValues::bars.
  [[nodiscard]] std::vector<std::uint64_t> bars(double top, std::size_t n) const;

 private:
  std::vector<std::uint64_t> counts_;  ///< empty before the first value
  std::uint64_t n_ = 0;
};

}  // namespace tilepool
