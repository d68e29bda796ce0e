#include "worker/segment_task.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "common/kernels/components.h"
#include "common/kernels/contour.h"
#include "common/kernels/distance.h"
#include "common/kernels/grow.h"
#include "common/kernels/height_map.h"
#include "common/kernels/holes.h"
#include "common/kernels/open_labels.h"
#include "common/kernels/region_box.h"
#include "common/kernels/region_colour.h"
#include "common/kernels/region_shape.h"

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

double round_position(double level0) { return std::nearbyint(level0 * 65536) / 65536; }

/// A cell that will be reported.
struct Candidate {
  std::int32_t label;
  std::uint8_t class_index;
  double x, y;  ///< level-0 centroid
};

std::optional<std::uint8_t> class_of(const std::vector<CellClass>& classes, double area_um2) {
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (area_um2 >= classes[i].min_area_um2 && area_um2 <= classes[i].max_area_um2) {
      return static_cast<std::uint8_t>(i);
    }
  }
  return std::nullopt;
}

void append_contour(const std::vector<HalfPixel>& ring, double origin_x, double origin_y,
                    double scale, CellBatch& out) {
  out.contour_size.push_back(static_cast<std::uint32_t>(ring.size()));
  for (const HalfPixel& p : ring) {
    out.contour_x.push_back(static_cast<float>(origin_x + 0.5 * p.x * scale));
    out.contour_y.push_back(static_cast<float>(origin_y + 0.5 * p.y * scale));
  }
}

void append_shape(const RegionShape& shape, double mpp, std::vector<float>& out) {
  const ShapeFeatures f = shape_features(shape);
  for (const double value : {static_cast<double>(shape.area) * mpp * mpp, f.perimeter * mpp,
                             f.circularity, f.solidity, f.eccentricity, f.major_axis * mpp,
                             f.minor_axis * mpp, f.extent, f.equivalent_diameter * mpp}) {
    out.push_back(static_cast<float>(value));
  }
}

void append_colour(const ColourSums<kAllChannels>& sums, double tissue_grey,
                   std::vector<float>& out) {
  double grey = 0;
  for (std::size_t c = 0; c < kAllChannels; ++c) {
    const MeanAndStd m = mean_and_std(sums.count, sums.sum[c], sums.square[c]);
    if (c == kGrey) grey = m.mean * kChannelUnit[c];
    out.push_back(static_cast<float>(m.mean * kChannelUnit[c]));
    out.push_back(static_cast<float>(m.std * kChannelUnit[c]));
  }
  out.push_back(static_cast<float>(grey / tissue_grey));
  out.push_back(
      static_cast<float>(static_cast<double>(sums.dark) / static_cast<double>(sums.count)));
}

/// Most labels that a plane can have: no two peaks of the watershed are neighbours.
std::size_t max_labels(std::int64_t width, std::int64_t height) {
  return static_cast<std::size_t>(((width + 1) / 2) * ((height + 1) / 2));
}

}  // namespace

TaskSchema segment_schema(const SegmentOptions& options) {
  TaskSchema schema;
  auto& f = schema.cell_features;
  f = {{"area_um2", "um^2", "Area of the cell's pixels."},
       {"perimeter_um", "um", "Perimeter as in skimage.measure.perimeter."},
       {"circularity", "1", "4 pi area / perimeter^2."},
       {"solidity", "1", "Area over the area of the convex hull."},
       {"eccentricity", "1", "Of the ellipse with the same second moments."},
       {"major_axis_um", "um", "Major axis of the ellipse with the same second moments."},
       {"minor_axis_um", "um", "Minor axis of that ellipse."},
       {"extent", "1", "Area over the area of the bounding box."},
       {"equivalent_diameter_um", "um", "Diameter of the circle with the same area."}};
  const auto add = [&](const std::string& name, const std::string& unit, const std::string& what) {
    f.push_back({"mean_" + name, unit, "Mean of " + what + " over the cell."});
    f.push_back({"std_" + name, unit, "Population standard deviation of " + what + "."});
  };
  add("r", "1", "red, 0..255");
  add("g", "1", "green, 0..255");
  add("b", "1", "blue, 0..255");
  add("grey", "1", "luminance (skimage.color.rgb2gray), 0..255");
  add("h", "1", "hue, 0..1 (skimage.color.rgb2hsv)");
  add("s", "1", "saturation, 0..1");
  add("v", "1", "value, 0..1");
  add("stain1", "1", "the nuclear stain, 1 = the slide's 99th percentile");
  add("stain2", "1", "the second stain, 1 = the slide's 99th percentile");
  f.push_back({"relative_brightness", "1",
               "Mean grey of the cell over the mean grey of the slide's stained calibration "
               "pixels (fluorescence: of all calibration pixels)."});
  f.push_back({"dark_fraction", "1",
               fmt::format("Share of the cell's pixels whose grey has an optical density above {}.",
                           options.dark_od)});
  return schema;
}

SegmentTask::SegmentTask(const SegmentOptions& options, const SegmentCalibration& calibration,
                         double mpp)
    : options_(options),
      calibration_(calibration),
      mpp_(mpp),
      params_(make_segment_params(options, mpp, calibration.threshold)),
      stain1_(make_unmix_table(unmixing_weights(calibration.stain1, calibration.stain2),
                               calibration.reference1)),
      stain2_(make_unmix_table(unmixing_weights(calibration.stain2, calibration.stain1),
                               calibration.reference2)) {}

std::size_t SegmentTask::scratch_bytes(std::int64_t width, std::int64_t height) {
  const auto pixels = static_cast<std::size_t>(width * height);
  const std::size_t byte_plane = arena_bytes(pixels);
  const std::size_t labels = arena_bytes(4 * pixels);
  const Disk disk = make_disk(254);
  const std::size_t smoothing = smooth_scratch_bytes(width, height, height);
  const std::size_t masking = std::max(
      {byte_plane + std::max(smoothing, above_local_threshold_scratch_bytes(width)),
       fill_holes_scratch_bytes(width, height), morphology_scratch_bytes(width, height, disk),
       distance_sixteenths_scratch_bytes(width)});
  const std::size_t splitting = byte_plane + arena_bytes(2 * pixels) +
                                std::max({arena_bytes(2 * pixels) + masking, smoothing,
                                          split_by_dynamics_scratch_bytes(width, height)});
  const std::size_t cleaning = std::max({open_labels_scratch_bytes(width, height, disk),
                                         relabel_components_scratch_bytes(width, height),
                                         grow_labels_scratch_bytes(width, height, disk)});
  const std::size_t measuring = arena_bytes(max_labels(width, height) * sizeof(RegionBox)) +
                                measure_shape_scratch_bytes(width, height);
  return labels + std::max({splitting, cleaning, measuring});
}

std::int32_t SegmentTask::label_cells(ConstRgbView rgb, Rect inside, Arena& scratch,
                                      ImageView<std::int32_t> labels) const {
  const std::size_t mark = scratch.mark();
  auto mask = scratch.take_image<std::uint8_t>(rgb.width, rgb.height);
  auto height = scratch.take_image<std::uint16_t>(rgb.width, rgb.height);
  const std::size_t inner = scratch.mark();
  auto plane = scratch.take_image<std::uint16_t>(rgb.width, rgb.height);
  find_nuclei(rgb, inside, scratch, plane, mask);
  distance_sixteenths(mask, scratch, height);
  raise_by_plane(mask, plane, params_.contrast_gain_256, height);
  scratch.release(inner);
  smooth(height, params_.split_smoothing, scratch, height);
  split_by_dynamics(mask, height, params_.merge, scratch, labels);
  scratch.release(mark);
  open_labels(labels, params_.trim, scratch);
  const std::int32_t count = relabel_components(labels, Connectivity::kEight, scratch);
  grow_labels(labels, params_.grow, scratch);
  return count;
}

void SegmentTask::find_nuclei(ConstRgbView rgb, Rect inside, Arena& scratch,
                              ImageView<std::uint16_t> plane, ImageView<std::uint8_t> mask) const {
  const std::size_t mark = scratch.mark();
  auto counted = scratch.take_image<std::uint8_t>(rgb.width, rgb.height);
  if (calibration_.fluorescence) {
    brightest_channel(rgb, plane);
    std::fill_n(counted.data, counted.pixels(), std::uint8_t{1});
  } else {
    unmix(rgb, stain1_, plane);
    stained_mask(rgb, params_.stained_limit, counted);
  }
  keep_inside(counted, inside);
  smooth(plane, params_.smoothing, scratch, plane);
  above_local_threshold(plane, counted, params_.threshold, scratch, mask);
  scratch.release(mark);
  fill_holes(mask, params_.max_hole_px, scratch);
  open(mask, params_.opening, scratch, mask);
}

void SegmentTask::run(ConstRgbView rgb, Rect core, Rect inside, double origin_x, double origin_y,
                      double scale, Arena& scratch, CellBatch& out) const {
  const std::size_t mark = scratch.mark();
  auto labels = scratch.take_image<std::int32_t>(rgb.width, rgb.height);
  const std::int32_t count = label_cells(rgb, inside, scratch, labels);
  auto boxes = scratch.take<RegionBox>(static_cast<std::size_t>(count));
  measure_boxes(labels, boxes);

  const auto edge = [&](double origin, std::int64_t px) {
    return round_position(origin + static_cast<double>(px) * scale);
  };
  const double left = edge(origin_x, core.x);
  const double right = edge(origin_x, core.x + core.w);
  const double top = edge(origin_y, core.y);
  const double bottom = edge(origin_y, core.y + core.h);
  std::vector<Candidate> cells;
  for (std::int32_t label = 1; label <= count; ++label) {
    const RegionBox& box = boxes[static_cast<std::size_t>(label) - 1];
    const auto area = static_cast<double>(box.area);
    const auto class_index = class_of(options_.classes, area * mpp_ * mpp_);
    if (!class_index) continue;
    const double x =
        round_position(origin_x + (static_cast<double>(box.sum_x) / area + 0.5) * scale);
    const double y =
        round_position(origin_y + (static_cast<double>(box.sum_y) / area + 0.5) * scale);
    if (x < left || x >= right || y < top || y >= bottom) continue;
    cells.push_back({label, *class_index, x, y});
  }
  std::sort(cells.begin(), cells.end(), [](const Candidate& a, const Candidate& b) {
    return a.y != b.y ? a.y < b.y : a.x != b.x ? a.x < b.x : a.label < b.label;
  });

  std::vector<HalfPixel> ring;
  for (const Candidate& cell : cells) {
    const RegionBox& box = boxes[static_cast<std::size_t>(cell.label) - 1];
    out.x.push_back(cell.x);
    out.y.push_back(cell.y);
    out.class_index.push_back(cell.class_index);
    append_shape(measure_shape(labels, cell.label, box, scratch), mpp_, out.features);
    append_colour(
        measure_colour(rgb, labels, cell.label, box, stain1_, stain2_, params_.dark_limit),
        calibration_.tissue_grey, out.features);
    trace_contour(labels, cell.label, box.first_x, box.y_begin, ring);
    append_contour(ring, origin_x, origin_y, scale, out);
  }
  scratch.release(mark);
}

}  // namespace tilepool
