#include "worker/make_segment_plan.h"

#include <algorithm>
#include <cmath>

#include "common/base/error.h"
#include "common/kernels/optical_density.h"
#include "common/kernels/stain.h"

namespace tilepool {

int stained_limit(const SegmentOptions& options) {
  return value_limit_of_density(options.stained_od);
}

SegmentPlan make_segment_plan(const SegmentOptions& options, const SegmentCalibration& calibration,
                              double mpp) {
  check(mpp > 0, ErrorCode::kInternal, "{} um per pixel: segmentation needs a resolution", mpp);
  SegmentPlan p;
  p.fluorescence = calibration.fluorescence;
  p.stain1 = make_unmix_table(unmixing_weights(calibration.stain1, calibration.stain2),
                              calibration.reference1);
  p.stain2 = make_unmix_table(unmixing_weights(calibration.stain2, calibration.stain1),
                              calibration.reference2);
  p.smoothing = gaussian_kernel(options.smooth_um / mpp);
  p.threshold.global = calibration.threshold;
  p.threshold.weight_256 = static_cast<std::int32_t>(std::lround(256 * options.local_weight));
  p.threshold.radius_px = std::min(std::llround(options.local_radius_um / mpp), 1000LL);
  p.opening = make_disk(std::min(options.opening_um / mpp, 254.0));
  p.max_hole_px = std::llround(options.max_hole_um2 / (mpp * mpp));
  p.split_smoothing = gaussian_kernel(options.split_smooth_um / mpp);
  p.merge.depth = static_cast<std::int32_t>(std::lround(16 * options.split_depth_um / mpp));
  // Deeper than this, a neck splits whatever the shape: two discs may well fill an ellipse.
  p.merge.fill_depth = 3 * p.merge.depth;
  p.merge.fill = options.split_fill;
  // Heights are in sixteenths of a pixel.
  const double gain = 256 * 16 * options.split_contrast_um / mpp / kPlaneReference;
  p.contrast_gain_256 = static_cast<std::int32_t>(std::lround(std::min(gain, 65535.0)));
  p.trim = make_disk(std::min(options.trim_um / mpp, 254.0));
  p.grow = make_disk(std::min(options.grow_um / mpp, 254.0));
  p.stained_limit = stained_limit(options);
  p.dark_limit = fine_limit_of_density(options.dark_od);
  return p;
}

}  // namespace tilepool
