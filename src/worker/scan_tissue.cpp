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

void otsu_brightfield(ConstRgbView scan, Arena& scratch, ImageView<std::uint8_t> mask) {
  const std::size_t mark = scratch.mark();
  const auto grey = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  grey_plane(scan, grey);
  const Bins bins = histogram(grey);
  const Split classes = split(bins, otsu_threshold(bins));
  if (classes.bright < kLeastGlassGrey) {
    select(grey, mask, [](std::uint8_t) { return true; });
  } else if (classes.bright - classes.dark < kLeastContrast) {
    select(grey, mask, [](std::uint8_t) { return false; });
  } else {
    select(grey, mask, [t = classes.threshold](std::uint8_t v) { return v <= t; });
  }
  scratch.release(mark);
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

void glowing(ConstRgbView scan, Arena& scratch, ImageView<std::uint8_t> mask) {
  const std::size_t mark = scratch.mark();
  const auto brightness = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  const auto smooth = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  brightest_plane(scan, brightness);
  blot_out_unscanned(scan, scratch, brightness, mask);
  const auto blotted = static_cast<std::uint64_t>(histogram(mask)[1]);
  window_mean(brightness, kWindowRadius, scratch, smooth);
  for (std::int64_t y = 0; y < scan.height; ++y) {
    for (std::int64_t x = 0; x < scan.width; ++x) {
      if (mask.at(x, y) == 1) smooth.at(x, y) = 0;
    }
  }
  Bins bins = histogram(smooth);
  bins[0] -= blotted;
  const Split classes = split(bins, triangle_threshold(bins));
  const bool glows = classes.bright - classes.dark >= kLeastGlow;
  select(smooth, mask, [glows, t = classes.threshold](std::uint8_t v) { return glows && v > t; });
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

void raw_tissue(ConstRgbView scan, TissueMethod method, Modality modality, Arena& scratch,
                ImageView<std::uint8_t> mask) {
  check(method != TissueMethod::kVariance, ErrorCode::kInternal,
        "the variance rule needs the whole cohort");
  if (modality == Modality::kFluorescence) return glowing(scan, scratch, mask);
  if (method == TissueMethod::kOtsu) return otsu_brightfield(scan, scratch, mask);
  clam_saturation(scan, scratch, mask);
  if (method == TissueMethod::kHsv) return;
  const std::size_t mark = scratch.mark();
  const auto dark = scratch.take_image<std::uint8_t>(scan.width, scan.height);
  otsu_brightfield(scan, scratch, dark);
  for (std::int64_t y = 0; y < scan.height; ++y) {
    for (std::int64_t x = 0; x < scan.width; ++x) {
      const std::uint8_t both = mask.at(x, y) & dark.at(x, y);
      const std::uint8_t either = mask.at(x, y) | dark.at(x, y);
      mask.at(x, y) = method == TissueMethod::kOtsuAndHsv ? both : either;
    }
  }
  scratch.release(mark);
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
  return 2 * arena_bytes(static_cast<std::size_t>(width * height)) +
         std::max(window_scratch_bytes(width),
                  morphology_scratch_bytes(width, height, make_disk(1.5)));
}

}  // namespace tilepool
