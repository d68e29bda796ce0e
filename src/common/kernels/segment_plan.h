#pragma once

#include <cstdint>

#include "common/kernels/gaussian.h"
#include "common/kernels/local_threshold.h"
#include "common/kernels/morphology.h"
#include "common/kernels/stain.h"
#include "common/kernels/watershed.h"

namespace tilepool {

/// Of any plan: three sigmas of 10 um at 0.05 um per pixel, the limits of the configuration.
inline constexpr std::int64_t kLargestSmoothingRadius = 600;

/// How the cells of one slide are found and measured, in pixels of that slide.
struct SegmentPlan {
  bool fluorescence = false;  ///< nuclei are bright on a dark background: the stains play no part
  UnmixTable stain1{};        ///< the nuclear stain
  UnmixTable stain2{};
  int stained_limit = 256;  ///< a pixel counts as stained when min(R, G, B) is below
  SmoothingKernel smoothing;
  LocalThreshold threshold;
  std::int64_t max_hole_px = 0;
  Disk opening;
  std::int32_t contrast_gain_256 = 0;
  SmoothingKernel split_smoothing;
  MergeRule merge;
  Disk trim;
  Disk grow;
  int dark_limit = 0;  ///< a pixel is dark when its grey, in 1/256, is below
};

}  // namespace tilepool
