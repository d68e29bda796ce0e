#pragma once

#include <cstdint>

#include "common/kernels/gaussian.h"
#include "common/kernels/local_threshold.h"
#include "common/kernels/morphology.h"
#include "common/kernels/watershed.h"
#include "common/model/options.h"

namespace tilepool {

/// SegmentOptions in pixels of one slide.
struct SegmentParams {
  SmoothingKernel smoothing;
  LocalThreshold threshold;
  Disk opening;
  std::int64_t max_hole_px = 0;
  std::int32_t contrast_gain_256 = 0;
  SmoothingKernel split_smoothing;
  MergeRule merge;
  Disk trim;
  Disk grow;
  int stained_limit = 256;  ///< a pixel counts as stained when min(R, G, B) is below
  int dark_limit = 0;       ///< a pixel is dark when its grey, in 1/256, is below
};

/// `mpp` in um per analysis pixel, > 0. `global_threshold` comes from calibration.
[[nodiscard]] SegmentParams make_segment_params(const SegmentOptions& options, double mpp,
                                                std::int32_t global_threshold);

/// The value of the darkest channel below which a pixel counts as stained.
[[nodiscard]] int stained_limit(const SegmentOptions& options);

}  // namespace tilepool
