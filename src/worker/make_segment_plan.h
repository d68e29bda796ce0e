#pragma once

#include "common/kernels/segment_plan.h"
#include "common/model/options.h"
#include "worker/segment_calibration.h"

namespace tilepool {

/// SegmentOptions in pixels of one slide. `mpp` in um per analysis pixel, > 0.
[[nodiscard]] SegmentPlan make_segment_plan(const SegmentOptions& options,
                                            const SegmentCalibration& calibration, double mpp);

/// The value of the darkest channel below which a pixel counts as stained.
[[nodiscard]] int stained_limit(const SegmentOptions& options);

}  // namespace tilepool
