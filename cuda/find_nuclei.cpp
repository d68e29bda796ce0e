#include "cuda/find_nuclei.h"

#include <algorithm>

#include "cuda/kernels/gaussian.h"
#include "cuda/kernels/local_threshold.h"
#include "cuda/kernels/stain.h"
#include "cuda/scratch_scope.h"

namespace tilepool::gpu {

namespace {
constexpr std::int64_t kLargestThresholdRadius = 1000;  // see LocalThreshold
}  // namespace

std::size_t find_nuclei_scratch_bytes(std::int64_t width, std::int64_t height) {
  return arena_bytes(static_cast<std::size_t>(width * height)) +
         std::max(smooth_scratch_bytes(width, height, kLargestSmoothingRadius),
                  above_local_threshold_scratch_bytes(width, height, kLargestThresholdRadius));
}

void find_nuclei(Queue& queue, ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside,
                 ImageView<std::uint16_t> plane, ImageView<std::uint8_t> mask) {
  const ScratchScope scope(queue);
  const auto counted = queue.scratch().take_image<std::uint8_t>(rgb.width, rgb.height);
  if (plan.fluorescence)
    brightest_inside(queue, rgb, inside, plane, counted);
  else
    unmix_inside(queue, rgb, plan.stain1, plan.stained_limit, inside, plane, counted);
  smooth(queue, plane, plan.smoothing, plane);
  above_local_threshold(queue, plane, counted, plan.threshold, mask);
}

}  // namespace tilepool::gpu
