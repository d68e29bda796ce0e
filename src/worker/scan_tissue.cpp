#include "worker/scan_tissue.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/error.h"
#include "common/kernels/histogram.h"
#include "common/kernels/morphology.h"
#include "common/kernels/tissue_filters.h"
#include "common/kernels/tissue_grey.h"
#include "common/kernels/tissue_triangle.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kDarkMedian = 64;
constexpr double kLeastContrast = 20;
constexpr double kLeastGlassGrey = 190;
constexpr double kLeastGlow = 6;
constexpr std::uint8_t kClamSaturation = 8;
constexpr std::int64_t kWindowRadius = 2;

using Bins = std::array<std::uint64_t, 256>;

struct Split {
  int threshold = 0;
  double dark = 0, bright = 0;  ///< class means; equal when there is one class
};

double mean_of(const Bins& bins, int from, int to) {
  std::uint64_t n = 0;
  std::uint64_t sum = 0;
  for (int v = from; v < to; ++v) {
    n += bins[static_cast<std::size_t>(v)];
    sum += bins[static_cast<std::size_t>(v)] * static_cast<std::uint64_t>(v);
  }
  return n == 0 ? -1 : static_cast<double>(sum) / static_cast<double>(n);
}

Split split(const Bins& bins, int threshold) {
  Split result;
  result.threshold = threshold;
  result.dark = mean_of(bins, 0, result.threshold + 1);
  result.bright = mean_of(bins, result.threshold + 1, 256);
  if (result.bright < 0) result.bright = result.dark;
  return result;
}

/// mask = keep(value) for every pixel.
template <class Keep>
void select(ImageView<const std::uint8_t> plane, ImageView<std::uint8_t> mask, const Keep& keep) {
  for (std::int64_t y = 0; y < plane.height; ++y) {
    for (std::int64_t x = 0; x < plane.width; ++x) {
      mask.row(y)[x] = keep(plane.row(y)[x]) ? 1 : 0;
    }
  }
}

int darkest_glass(ConstRgbView scan, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  const auto grey = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  grey_plane(scan, grey);
  const Bins bins = histogram(grey);
  scratch.release(mark);
  const Split classes = split(bins, otsu_threshold(bins));
  if (classes.bright < kLeastGlassGrey) return 256;
  return classes.bright - classes.dark < kLeastContrast ? 0 : classes.threshold + 1;
}

void darker(ConstRgbView image, int limit, ImageView<std::uint8_t> mask) {
  grey_plane(image, mask);
  select(mask, mask, [limit](std::uint8_t v) { return v < limit; });
}

void clam_saturation(ConstRgbView scan, Arena& scratch, ImageView<std::uint8_t> mask) {
  const std::size_t mark = scratch.mark();
  const auto saturation = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  saturation_plane(scan, saturation);
  median_7x7(saturation, mask);
  select(mask, mask, [](std::uint8_t v) { return v > kClamSaturation; });
  scratch.release(mark);
}

bool is_white(const std::uint8_t* pixel) {
  return pixel[0] == 255 && pixel[1] == 255 && pixel[2] == 255;
}

/// unscanned = 1 on pure white and one pixel around it; brightness 0 there.
void blot_out_unscanned(ConstRgbView scan, Arena& scratch, ImageView<std::uint8_t> brightness,
                        ImageView<std::uint8_t> unscanned) {
  for (std::int64_t y = 0; y < scan.height; ++y) {
    for (std::int64_t x = 0; x < scan.width; ++x) {
      unscanned.at(x, y) = is_white(scan.pixel(x, y)) ? 1 : 0;
    }
  }
  dilate(unscanned, make_disk(1.5), scratch, unscanned);
  for (std::int64_t y = 0; y < scan.height; ++y) {
    for (std::int64_t x = 0; x < scan.width; ++x) {
      if (unscanned.at(x, y) == 1) brightness.at(x, y) = 0;
    }
  }
}

/// Smoothed brightness, 0 where nothing was scanned; returns how many pixels that are.
std::uint64_t glow(ConstRgbView image, std::int64_t radius, Arena& scratch,
                   ImageView<std::uint8_t> unscanned, ImageView<std::uint8_t> smooth) {
  const std::size_t mark = scratch.mark();
  const auto brightness = scratch.take_image<std::uint8_t>(image.width, image.height);
  brightest_plane(image, brightness);
  blot_out_unscanned(image, scratch, brightness, unscanned);
  window_mean(brightness, radius, scratch, smooth);
  scratch.release(mark);
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) {
      if (unscanned.at(x, y) == 1) smooth.at(x, y) = 0;
    }
  }
  return histogram(unscanned)[1];
}

int brightest_dark(ConstRgbView scan, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  const auto unscanned = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  const auto smooth = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  const std::uint64_t blotted = glow(scan, kWindowRadius, scratch, unscanned, smooth);
  Bins bins = histogram(smooth);
  scratch.release(mark);
  bins[0] -= blotted;
  const Split classes = split(bins, triangle_threshold(bins));
  return classes.bright - classes.dark >= kLeastGlow ? classes.threshold : 255;
}

std::int64_t glow_radius_px(double scale) {
  constexpr std::int64_t kMost = 64;  // of window_mean
  return std::clamp<std::int64_t>(std::llround(kWindowRadius * scale), 1, kMost);
}

void glowing(const TissueRule& rule, ConstRgbView image, double scale, Arena& scratch,
             ImageView<std::uint8_t> mask) {
  const std::size_t mark = scratch.mark();
  const auto smooth = scratch.take_image<std::uint8_t>(image.width, image.height);
  glow(image, glow_radius_px(scale), scratch, mask, smooth);
  select(smooth, mask, [&](std::uint8_t v) { return v > rule.brightest_dark; });
  scratch.release(mark);
}

}  // namespace

Modality judge_modality(ConstRgbView scan) {
  Bins bins{};
  std::uint64_t voters = 0;
  for (std::int64_t y = 0; y < scan.height; ++y) {
    for (std::int64_t x = 0; x < scan.width; ++x) {
      const std::uint8_t* p = scan.pixel(x, y);
      if (is_white(p)) continue;
      ++bins[std::max({p[0], p[1], p[2]})];
      ++voters;
    }
  }
  std::uint64_t dark = 0;
  for (std::size_t v = 0; v < kDarkMedian; ++v) dark += bins[v];
  return 2 * dark > voters ? Modality::kFluorescence : Modality::kBrightfield;
}

TissueRule measure_tissue(ConstRgbView scan, TissueMethod method, Modality modality,
                          Arena& scratch) {
  check(method != TissueMethod::kVariance, ErrorCode::kInternal,
        "the variance rule needs the whole cohort");
  TissueRule rule{method, modality, 0, 0};
  if (modality == Modality::kFluorescence)
    rule.brightest_dark = brightest_dark(scan, scratch);
  else if (method != TissueMethod::kHsv)
    rule.darkest_glass = darkest_glass(scan, scratch);
  return rule;
}

void apply_tissue(const TissueRule& rule, ConstRgbView image, double scale, Arena& scratch,
                  ImageView<std::uint8_t> mask) {
  if (rule.modality == Modality::kFluorescence) return glowing(rule, image, scale, scratch, mask);
  if (rule.method == TissueMethod::kOtsu) return darker(image, rule.darkest_glass, mask);
  clam_saturation(image, scratch, mask);
  if (rule.method == TissueMethod::kHsv) return;
  const std::size_t mark = scratch.mark();
  const auto dark = scratch.take_image<std::uint8_t>(image.width, image.height);
  darker(image, rule.darkest_glass, dark);
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) {
      const std::uint8_t both = mask.at(x, y) & dark.at(x, y);
      const std::uint8_t either = mask.at(x, y) | dark.at(x, y);
      mask.at(x, y) = rule.method == TissueMethod::kOtsuAndHsv ? both : either;
    }
  }
  scratch.release(mark);
}

std::int64_t tissue_reach_px(const TissueRule& rule, double scale) {
  if (rule.modality == Modality::kFluorescence) return glow_radius_px(scale) + 2;
  return rule.method == TissueMethod::kOtsu ? 0 : 3;
}

std::int64_t variance_radius_px(double scan_mpp) {
  if (!(scan_mpp > 0)) return kWindowRadius;
  constexpr double kReach_um = 16;
  constexpr std::int64_t kMost = 64;  // of window_variance
  return std::clamp<std::int64_t>(std::llround(kReach_um / scan_mpp), kWindowRadius, kMost);
}

void scan_variance(ConstRgbView scan, Modality modality, std::int64_t radius_px, Arena& scratch,
                   ImageView<std::uint16_t> variance) {
  const std::size_t mark = scratch.mark();
  const auto plane = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  if (modality == Modality::kFluorescence) {
    const auto unscanned = scratch.take_image<std::uint8_t>(scan.width, scan.height);
    brightest_plane(scan, plane);
    blot_out_unscanned(scan, scratch, plane, unscanned);
  } else {
    grey_plane(scan, plane);
  }
  window_variance(plane, radius_px, scratch, variance);
  scratch.release(mark);
}

std::size_t raw_tissue_scratch_bytes(std::int64_t width, std::int64_t height) {
  return 3 * arena_bytes(static_cast<std::size_t>(width * height)) +
         std::max(window_scratch_bytes(width),
                  morphology_scratch_bytes(width, height, make_disk(1.5)));
}

}  // namespace tilepool
