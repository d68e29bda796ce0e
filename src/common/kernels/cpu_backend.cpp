#include "common/kernels/cpu_backend.h"

#include <algorithm>
#include <utility>

#include "common/kernels/components.h"
#include "common/kernels/distance.h"
#include "common/kernels/grow.h"
#include "common/kernels/height_map.h"
#include "common/kernels/holes.h"
#include "common/kernels/open_labels.h"

namespace tilepool {
namespace {

/// Clears what lies outside the slide.
void keep_inside(ImageView<std::uint8_t> mask, const Rect& inside) {
  for (std::int64_t y = 0; y < mask.height; ++y) {
    std::uint8_t* row = mask.row(y);
    if (y < inside.y || y >= inside.y + inside.h) {
      std::fill_n(row, mask.width, std::uint8_t{0});
      continue;
    }
    std::fill_n(row, inside.x, std::uint8_t{0});
    std::fill(row + inside.x + inside.w, row + mask.width, std::uint8_t{0});
  }
}

const Disk& largest_disk() {
  static const Disk kDisk = make_disk(254);
  return kDisk;
}

}  // namespace

std::int64_t find_nuclei_reach_px(const SegmentPlan& plan) {
  return plan.smoothing.radius() + plan.threshold.radius_px;
}

std::size_t find_nuclei_scratch_bytes(std::int64_t width, std::int64_t height) {
  return arena_bytes(static_cast<std::size_t>(width * height)) +
         std::max(smooth_scratch_bytes(width, height, kLargestSmoothingRadius),
                  above_local_threshold_scratch_bytes(width));
}

void find_nuclei(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside, Arena& scratch,
                 ImageView<std::uint16_t> plane, ImageView<std::uint8_t> mask) {
  const std::size_t mark = scratch.mark();
  auto counted = scratch.take_image<std::uint8_t>(rgb.width, rgb.height);
  if (plan.fluorescence) {
    brightest_channel(rgb, plane);
    std::fill_n(counted.data, counted.pixels(), std::uint8_t{1});
  } else {
    unmix(rgb, plan.stain1, plane);
    stained_mask(rgb, plan.stained_limit, counted);
  }
  keep_inside(counted, inside);
  smooth(plane, plan.smoothing, scratch, plane);
  above_local_threshold(plane, counted, plan.threshold, scratch, mask);
  scratch.release(mark);
}

void raise_nuclei(const SegmentPlan& plan, ImageView<const std::uint16_t> plane, Arena& scratch,
                  ImageView<std::uint8_t> mask, ImageView<std::uint16_t> height) {
  fill_holes(mask, plan.max_hole_px, scratch);
  open(mask, plan.opening, scratch, mask);
  distance_sixteenths(mask, scratch, height);
  raise_by_plane(mask, plane, plan.contrast_gain_256, height);
}

std::int32_t split_nuclei(const SegmentPlan& plan, ImageView<const std::uint8_t> mask,
                          ImageView<std::uint16_t> height, Arena& scratch,
                          ImageView<std::int32_t> labels) {
  smooth(height, plan.split_smoothing, scratch, height);
  split_by_dynamics(mask, height, plan.merge, scratch, labels);
  open_labels(labels, plan.trim, scratch);
  const std::int32_t count = relabel_components(labels, Connectivity::kEight, scratch);
  grow_labels(labels, plan.grow, scratch);
  return count;
}

std::unique_ptr<Backend> CpuDevice::make_backend() {
  struct Owning : CpuBackend {
    explicit Owning(std::unique_ptr<Arena> arena) : CpuBackend(*arena), arena_(std::move(arena)) {}
    std::unique_ptr<Arena> arena_;
  };
  return std::make_unique<Owning>(
      std::make_unique<Arena>(budget_, scratch_bytes_, "computing one tile"));
}

std::size_t CpuBackend::scratch_bytes(std::int64_t width, std::int64_t height) {
  const auto pixels = static_cast<std::size_t>(width * height);
  const Disk& disk = largest_disk();
  const std::size_t masking = std::max(
      {find_nuclei_scratch_bytes(width, height), fill_holes_scratch_bytes(width, height),
       morphology_scratch_bytes(width, height, disk), distance_sixteenths_scratch_bytes(width)});
  const std::size_t cleaning = std::max({open_labels_scratch_bytes(width, height, disk),
                                         relabel_components_scratch_bytes(width, height),
                                         grow_labels_scratch_bytes(width, height, disk)});
  const std::size_t finding =
      arena_bytes(pixels) + arena_bytes(2 * pixels) +
      std::max({arena_bytes(2 * pixels) + masking,
                smooth_scratch_bytes(width, height, kLargestSmoothingRadius),
                split_by_dynamics_scratch_bytes(width, height), cleaning});
  const std::size_t measuring =
      arena_bytes(static_cast<std::size_t>(max_basins(width, height)) * sizeof(RegionBox)) +
      measure_shape_scratch_bytes(width, height);
  return arena_bytes(4 * pixels) + std::max(finding, measuring);
}

void CpuBackend::find_nuclei(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside,
                             Arena& scratch, ImageView<std::uint16_t> plane,
                             ImageView<std::uint8_t> mask) {
  tilepool::find_nuclei(rgb, plan, inside, scratch, plane, mask);
}

void CpuBackend::begin(RgbView rgb) {
  scratch_.reset();
  rgb_ = rgb;
}

void CpuBackend::normalise(const StainMap& map, const Rect& part) {
  normalise_stain(rgb_.window(part.x, part.y, part.w, part.h), map);
}

ColourSums<kPlainChannels> CpuBackend::colour(const Rect& part) {
  return measure_colour(rgb_.window(part.x, part.y, part.w, part.h));
}

std::span<const RegionBox> CpuBackend::find_cells(const SegmentPlan& plan, const Rect& inside) {
  scratch_.reset();
  labels_ = scratch_.take_image<std::int32_t>(rgb_.width, rgb_.height);
  const std::size_t outer = scratch_.mark();
  auto mask = scratch_.take_image<std::uint8_t>(rgb_.width, rgb_.height);
  auto height = scratch_.take_image<std::uint16_t>(rgb_.width, rgb_.height);
  const std::size_t inner = scratch_.mark();
  auto plane = scratch_.take_image<std::uint16_t>(rgb_.width, rgb_.height);
  find_nuclei(rgb_, plan, inside, scratch_, plane, mask);
  raise_nuclei(plan, plane, scratch_, mask, height);
  scratch_.release(inner);
  const std::int32_t count = split_nuclei(plan, mask, height, scratch_, labels_);
  scratch_.release(outer);
  boxes_ = scratch_.take<RegionBox>(static_cast<std::size_t>(count));
  measure_boxes(labels_, boxes_);
  return boxes_;
}

void CpuBackend::measure_cells(const SegmentPlan& plan, std::span<const std::int32_t> labels,
                               const Take& take) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::int32_t label = labels[i];
    const RegionBox& box = boxes_[static_cast<std::size_t>(label) - 1];
    trace_contour(labels_, label, box.first_x, box.y_begin, ring_);
    take(i, {measure_shape(labels_, label, box, scratch_),
             measure_colour(rgb_, labels_, label, box, plan.stain1, plan.stain2, plan.dark_limit),
             ring_});
  }
}

}  // namespace tilepool
