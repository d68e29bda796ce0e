#include "cuda/gpu_backend.h"

#include <algorithm>
#include <utility>

#include "cuda/find_nuclei.h"
#include "cuda/kernels/components.h"
#include "cuda/kernels/contour.h"
#include "cuda/kernels/distance.h"
#include "cuda/kernels/gaussian.h"
#include "cuda/kernels/grow.h"
#include "cuda/kernels/holes.h"
#include "cuda/kernels/morphology.h"
#include "cuda/kernels/normalise_stain.h"
#include "cuda/kernels/open_labels.h"
#include "cuda/kernels/region_box.h"
#include "cuda/kernels/region_colour.h"
#include "cuda/kernels/region_shape.h"
#include "cuda/kernels/watershed.h"
#include "cuda/scratch_scope.h"

namespace tilepool::gpu {
namespace {

// Cells that are measured together: enough to fill the device.
constexpr std::size_t kBatch = 4096;
constexpr std::int64_t kBatchRows = std::int64_t{1} << 17;  // of their boxes, unless one has more

/// Most points that the ring of one cell, and with it a batch, can have: the edges of a
/// checkerboard's squares, which meet at corners.
std::size_t max_points(std::int64_t width, std::int64_t height) {
  return static_cast<std::size_t>(2 * width * height + 2 * (width + height) + 16);
}

/// What find_cells() takes at most besides pixels and labels.
std::size_t finding_bytes(std::int64_t width, std::int64_t height) {
  const auto pixels = static_cast<std::size_t>(width * height);
  const std::size_t masking = std::max(
      {find_nuclei_scratch_bytes(width, height), fill_holes_scratch_bytes(width, height),
       morphology_scratch_bytes(width, height), distance_sixteenths_scratch_bytes(width, height)});
  const std::size_t cleaning = std::max({open_labels_scratch_bytes(width, height),
                                         relabel_components_scratch_bytes(width, height),
                                         grow_labels_scratch_bytes(width, height)});
  return arena_bytes(pixels) + arena_bytes(2 * pixels) +
         std::max({arena_bytes(2 * pixels) + masking,
                   smooth_scratch_bytes(width, height, kLargestSmoothingRadius),
                   split_by_dynamics_scratch_bytes(width, height), cleaning});
}

/// What measure_cells() takes at most besides pixels, labels, boxes and rings.
std::size_t measuring_bytes(std::int64_t height) {
  return arena_bytes(kBatch * sizeof(std::int32_t)) + arena_bytes(kBatch * sizeof(RegionBox)) +
         2 * arena_bytes(sizeof(UnmixTable)) + arena_bytes(kBatch * sizeof(RegionShape)) +
         arena_bytes(kBatch * sizeof(ColourSums<kAllChannels>)) +
         arena_bytes((kBatch + 1) * sizeof(std::int64_t)) +
         std::max(measure_shape_scratch_bytes(kBatch, kBatchRows + height),
                  count_contours_scratch_bytes(kBatch));
}

}  // namespace

std::size_t GpuBackend::device_bytes(std::int64_t width, std::int64_t height, bool cells) {
  const auto pixels = static_cast<std::size_t>(width * height);
  const std::size_t own = arena_bytes(3 * pixels) + arena_bytes(sizeof(ColourSums<kPlainChannels>));
  if (!cells) return own + normalise_stain_scratch_bytes();
  return own + arena_bytes(4 * pixels) + arena_bytes(sizeof(std::int32_t)) +
         std::max(
             {normalise_stain_scratch_bytes(), finding_bytes(width, height),
              arena_bytes(static_cast<std::size_t>(max_basins(width, height)) * sizeof(RegionBox)),
              measuring_bytes(height) +
                  arena_bytes(max_points(width, height) * sizeof(HalfPixel))});
}

/// On the host.
struct GpuBackend::Batch {
  std::vector<RegionBox> boxes;
  std::vector<RegionShape> shapes;
  std::vector<ColourSums<kAllChannels>> colours;
  std::vector<std::int64_t> begins;  ///< of each cell's ring, and the end of the last one
  std::vector<HalfPixel> points;
};

GpuBackend::GpuBackend(DeviceMemory& memory, BusyTime& busy, std::int64_t width,
                       std::int64_t height, bool cells)
    : queue_(memory, device_bytes(width, height, cells)), busy_(busy) {}

template <class T>
void GpuBackend::download_all(std::span<T> from, std::vector<T>& to) {
  to.resize(from.size());
  queue_.download(std::span<const T>(from), std::span<T>(to));
}

void GpuBackend::begin(RgbView rgb) {
  queue_.scratch().reset();
  host_rgb_ = rgb;
  host_is_behind_ = false;
  rgb_ = queue_.scratch().take_rgb(rgb.width, rgb.height);
  queue_.upload_rgb(rgb, rgb_);
}

void GpuBackend::normalise(const StainMap& map, const Rect& part) {
  const ScratchScope scope(queue_);
  normalise_stain(queue_, rgb_.window(part.x, part.y, part.w, part.h), map);
  host_is_behind_ = true;
}

ConstRgbView GpuBackend::host_pixels() {
  if (host_is_behind_) {
    queue_.download_rgb(rgb_, host_rgb_);
    queue_.wait();
  }
  host_is_behind_ = false;
  return host_rgb_;
}

void GpuBackend::wait() {
  queue_.end_stretch();
  queue_.wait();
  busy_.add(queue_.last_stretch());
}

ColourSums<kPlainChannels> GpuBackend::colour(const Rect& part) {
  const ScratchScope scope(queue_);
  const auto there = queue_.scratch().take<ColourSums<kPlainChannels>>(1);
  ColourSums<kPlainChannels> sums;
  queue_.begin_stretch();
  measure_colour(queue_, rgb_.window(part.x, part.y, part.w, part.h), there.data());
  queue_.download(std::span<const ColourSums<kPlainChannels>>(there), std::span(&sums, 1));
  wait();
  return sums;
}

// The steps of CpuBackend::find_cells, in the same order.
void GpuBackend::label(const SegmentPlan& plan, const Rect& inside, std::int32_t* count) {
  const ScratchScope outer(queue_);
  Arena& scratch = queue_.scratch();
  const auto mask = scratch.take_image<std::uint8_t>(rgb_.width, rgb_.height);
  const auto height = scratch.take_image<std::uint16_t>(rgb_.width, rgb_.height);
  {
    const ScratchScope inner(queue_);
    const auto plane = scratch.take_image<std::uint16_t>(rgb_.width, rgb_.height);
    find_nuclei(queue_, rgb_, plan, inside, plane, mask);
    fill_holes(queue_, mask, plan.max_hole_px);
    open(queue_, mask, plan.opening, mask);
    raised_distance(queue_, mask, plane, plan.contrast_gain_256, height);
  }
  smooth(queue_, height, plan.split_smoothing, height);
  split_by_dynamics(queue_, mask, height, plan.merge, labels_, count);
  open_labels(queue_, labels_, plan.trim);
  relabel_components(queue_, labels_, Connectivity::kEight, count);
  grow_labels(queue_, labels_, plan.grow);
}

std::span<const RegionBox> GpuBackend::find_cells(const SegmentPlan& plan, const Rect& inside) {
  Arena& scratch = queue_.scratch();
  labels_ = scratch.take_image<std::int32_t>(rgb_.width, rgb_.height);
  std::int32_t* const count_there = scratch.take<std::int32_t>(1).data();
  queue_.clear(count_there, sizeof(std::int32_t));
  queue_.begin_stretch();
  label(plan, inside, count_there);
  const ScratchScope scope(queue_);
  const auto device_boxes =
      scratch.take<RegionBox>(static_cast<std::size_t>(max_basins(rgb_.width, rgb_.height)));
  measure_boxes(queue_, labels_, count_there, device_boxes);
  std::int32_t count = 0;
  queue_.download(std::span<const std::int32_t>(count_there, 1), std::span(&count, 1));
  wait();
  download_all(device_boxes.first(static_cast<std::size_t>(count)), boxes_);
  queue_.wait();
  return boxes_;
}

void GpuBackend::measure_cells(const SegmentPlan& plan, std::span<const std::int32_t> labels,
                               const Take& take) {
  Batch batch;
  for (std::size_t first = 0; first < labels.size();) {
    std::size_t count = 0;
    std::int64_t rows = 0;
    while (first + count < labels.size() && count < kBatch && (count == 0 || rows < kBatchRows)) {
      const RegionBox& box = boxes_[static_cast<std::size_t>(labels[first + count]) - 1];
      rows += box.y_end - box.y_begin;
      ++count;
    }
    measure(plan, labels.subspan(first, count), batch);
    for (std::size_t i = 0; i < batch.shapes.size(); ++i) {
      const HalfPixel* const points = batch.points.data();
      take(first + i, {batch.shapes[i],
                       batch.colours[i],
                       {points + batch.begins[i], points + batch.begins[i + 1]}});
    }
    first += batch.shapes.size();
  }
}

// Measures the first of `labels`: all of them, unless their rings have more points than fit.
void GpuBackend::measure(const SegmentPlan& plan, std::span<const std::int32_t> labels,
                         Batch& batch) {
  Arena& scratch = queue_.scratch();
  for (std::size_t n = labels.size();; n /= 2) {
    const ScratchScope scope(queue_);
    const Regions regions = upload_regions(labels.first(n), batch.boxes);
    const auto shapes = scratch.take<RegionShape>(n);
    const auto colours = scratch.take<ColourSums<kAllChannels>>(n);
    const auto begins = scratch.take<std::int64_t>(n + 1);
    const auto stains = scratch.take<UnmixTable>(2);
    queue_.upload(std::span(&plan.stain1, 1), stains.first(1));
    queue_.upload(std::span(&plan.stain2, 1), stains.last(1));
    std::int64_t rows = 0;
    for (const RegionBox& box : batch.boxes) rows += box.y_end - box.y_begin;
    queue_.begin_stretch();
    measure_shape(queue_, labels_, regions, rows, shapes);
    measure_colour(queue_, rgb_, labels_, regions, &stains[0], &stains[1], plan.dark_limit,
                   colours);
    count_contours(queue_, labels_, regions, begins);
    download_all(shapes, batch.shapes);
    download_all(colours, batch.colours);
    download_all(begins, batch.begins);
    wait();
    const auto points = static_cast<std::size_t>(batch.begins.back());
    if (n > 1 && points > max_points(rgb_.width, rgb_.height)) continue;
    const auto rings = scratch.take<HalfPixel>(points);
    queue_.begin_stretch();
    trace_contours(queue_, labels_, regions, begins, rings);
    download_all(rings, batch.points);
    return wait();
  }
}

Regions GpuBackend::upload_regions(std::span<const std::int32_t> labels,
                                   std::vector<RegionBox>& boxes) {
  boxes.clear();
  for (const std::int32_t label : labels)
    boxes.push_back(boxes_[static_cast<std::size_t>(label) - 1]);
  const auto labels_there = queue_.scratch().take<std::int32_t>(labels.size());
  const auto boxes_there = queue_.scratch().take<RegionBox>(boxes.size());
  queue_.upload(labels, labels_there);
  queue_.upload(std::span<const RegionBox>(boxes), boxes_there);
  return {labels_there, boxes_there};
}

// Copies up may still be under way when nothing was asked of the tile.
void GpuBackend::finish() { queue_.wait(); }

}  // namespace tilepool::gpu
