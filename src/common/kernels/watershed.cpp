#include "common/kernels/watershed.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/kernels/basin.h"

namespace tilepool {
namespace {

using Moments = BasinMoments;

/// Basins as a forest over pixel numbers (y * width + x), kept in the label plane. A pixel holds
/// its parent, a peak -2 - (number of its basin), a pixel off the mask -1.
class Basins {
 public:
  Basins(ImageView<const std::uint8_t> mask, ImageView<const std::uint16_t> height,
         ImageView<std::int32_t> parent)
      : mask_(mask),
        height_(height),
        parent_(parent),
        width_(static_cast<std::int32_t>(mask.width)) {}

  /// Points every pixel at the highest of its neighbourhood and numbers the peaks. Returns how
  /// many there are.
  std::int32_t climb() {
    std::int32_t peaks = 0;
    for (std::int32_t y = 0; y < mask_.height; ++y) {
      for (std::int32_t x = 0; x < width_; ++x) {
        std::int32_t best = mask_.at(x, y) == 0 ? -1 : y * width_ + x;
        if (best >= 0) {
          for_each_higher(best, [&](std::int32_t q) { best = above(q, best) ? q : best; });
          if (best == y * width_ + x) best = -2 - peaks++;
        }
        parent_.at(x, y) = best;
      }
    }
    return peaks;
  }

  /// The peak of p's basin, and every pixel on the way pointed at it.
  std::int32_t find(std::int32_t p) const {
    std::int32_t peak = p;
    while (parent(peak) >= 0) peak = parent(peak);
    while (p != peak) p = std::exchange(parent(p), peak);
    return peak;
  }
  [[nodiscard]] std::size_t number_of(std::int32_t peak) const {
    return static_cast<std::size_t>(-2 - parent(peak));
  }

  /// fn(q) for the neighbours of p in the mask that are above it in the total order, raster order.
  template <class Fn>
  void for_each_higher(std::int32_t p, Fn fn) const {
    const std::int32_t x = p % width_;
    const std::int32_t y = p / width_;
    const std::uint16_t h = height_.at(x, y);
    const auto bottom = static_cast<std::int32_t>(std::min<std::int64_t>(y + 1, mask_.height - 1));
    for (std::int32_t v = std::max(y - 1, 0); v <= bottom; ++v) {
      for (std::int32_t u = std::max(x - 1, 0); u <= std::min(x + 1, width_ - 1); ++u) {
        if (mask_.at(u, v) == 0) continue;
        const std::int32_t q = v * width_ + u;
        const std::uint16_t other = height_.at(u, v);
        if (other > h || (other == h && q < p)) fn(q);
      }
    }
  }

  [[nodiscard]] std::int32_t height(std::int32_t p) const {
    return height_.at(p % width_, p / width_);
  }
  [[nodiscard]] bool above(std::int32_t p, std::int32_t q) const {
    const std::int32_t hp = height(p);
    const std::int32_t hq = height(q);
    return hp > hq || (hp == hq && p < q);
  }
  [[nodiscard]] std::int32_t& parent(std::int32_t p) const { return parent_.data[p]; }

  /// Sums of each basin, by its number.
  void measure(std::span<Moments> moments) const {
    std::fill(moments.begin(), moments.end(), Moments{});
    for (std::int32_t y = 0; y < mask_.height; ++y) {
      for (std::int32_t x = 0; x < width_; ++x) {
        if (parent_.at(x, y) == -1) continue;
        const std::int64_t u = x;
        const std::int64_t v = y;
        moments[number_of(find(y * width_ + x))].add({1, u, v, u * u, v * v, u * v});
      }
    }
  }

 private:
  ImageView<const std::uint8_t> mask_;
  ImageView<const std::uint16_t> height_;
  ImageView<std::int32_t> parent_;
  std::int32_t width_;
};

/// The lower pixels of all saddles, highest first. Every pixel points at its peak already.
std::span<std::int32_t> find_saddles(const Basins& basins, std::int64_t pixels,
                                     std::span<std::int32_t> list) {
  std::size_t count = 0;
  for (std::int32_t p = 0; p < pixels; ++p) {
    if (basins.parent(p) < 0) continue;  // off the mask, or a peak: nothing is above it
    const std::int32_t own = basins.find(p);
    bool between = false;
    basins.for_each_higher(p, [&](std::int32_t q) { between |= basins.find(q) != own; });
    if (between) list[count++] = p;
  }
  const auto saddles = list.first(count);
  std::sort(saddles.begin(), saddles.end(),
            [&](std::int32_t a, std::int32_t b) { return basins.above(a, b); });
  return saddles;
}

/// Joins the basins of p and its higher neighbour q if the rule says so.
void join(const Basins& basins, std::int32_t p, std::int32_t q, const MergeRule& rule,
          std::span<Moments> moments) {
  std::int32_t high = basins.find(p);
  std::int32_t low = basins.find(q);
  if (high == low) return;
  if (basins.above(low, high)) std::swap(high, low);
  Moments both = moments[basins.number_of(high)];
  both.add(moments[basins.number_of(low)]);
  const std::int32_t depth = basins.height(low) - basins.height(p);
  if (depth < rule.depth || (depth < rule.fill_depth && fills_ellipse(both, rule.fill))) {
    moments[basins.number_of(high)] = both;
    basins.parent(low) = high;
  }
}

/// Turns the forest into labels 1..n in raster order of first pixels.
std::int32_t number_basins(const Basins& basins, std::int64_t pixels, std::span<Moments> moments) {
  for (auto& m : moments) m.n = 0;  // from here on: the basin's label
  std::int32_t count = 0;
  for (std::int32_t p = 0; p < pixels; ++p) {
    if (basins.parent(p) == -1) continue;
    auto& label = moments[basins.number_of(basins.find(p))].n;
    if (label == 0) label = ++count;
  }
  // Peaks last: the other pixels take their label through them.
  for (std::int32_t p = 0; p < pixels; ++p) {
    const std::int32_t peak = basins.parent(p);
    if (peak >= 0) {
      basins.parent(p) = static_cast<std::int32_t>(moments[basins.number_of(peak)].n);
    }
  }
  for (std::int32_t p = 0; p < pixels; ++p) {
    std::int32_t& value = basins.parent(p);
    if (value == -1) value = 0;
    if (value < -1) value = static_cast<std::int32_t>(moments[basins.number_of(p)].n);
  }
  return count;
}

}  // namespace

std::size_t split_by_dynamics_scratch_bytes(std::int64_t width, std::int64_t height) {
  return arena_bytes(static_cast<std::size_t>(width * height) * sizeof(std::int32_t)) +
         arena_bytes(static_cast<std::size_t>(max_basins(width, height)) * sizeof(Moments));
}

std::int32_t split_by_dynamics(ImageView<const std::uint8_t> mask,
                               ImageView<const std::uint16_t> height, const MergeRule& rule,
                               Arena& scratch, ImageView<std::int32_t> labels) {
  check(labels.stride == labels.width, ErrorCode::kInternal,
        "the label plane has a stride of {} for a width of {}", labels.stride, labels.width);
  const std::int64_t pixels = checked_cast<std::int32_t>(mask.pixels());
  const std::size_t mark = scratch.mark();
  Basins basins(mask, height, labels);
  auto moments = scratch.take<Moments>(static_cast<std::size_t>(basins.climb()));
  basins.measure(moments);
  auto list = scratch.take<std::int32_t>(static_cast<std::size_t>(pixels));
  for (const std::int32_t p : find_saddles(basins, pixels, list)) {
    basins.for_each_higher(p, [&](std::int32_t q) { join(basins, p, q, rule, moments); });
  }
  const std::int32_t count = number_basins(basins, pixels, moments);
  scratch.release(mark);
  return count;
}

}  // namespace tilepool
