#include "worker/segment_task.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "worker/make_segment_plan.h"

namespace tilepool {
namespace {

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

void append_contour(std::span<const HalfPixel> ring, double origin_x, double origin_y, double scale,
                    CellBatch& out) {
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

}  // namespace

TaskSchema segment_schema(const SegmentOptions& options) {
  TaskSchema schema;
  schema.items = Items::kCells;
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
      mpp_(mpp),
      tissue_grey_(calibration.tissue_grey),
      plan_(make_segment_plan(options, calibration, mpp)) {}

void SegmentTask::run(Backend& backend, Rect core, Rect inside, double origin_x, double origin_y,
                      double scale, CellBatch& out) const {
  const std::span<const RegionBox> boxes = backend.find_cells(plan_, inside);

  const auto edge = [&](double origin, std::int64_t px) {
    return round_position(origin + static_cast<double>(px) * scale);
  };
  const double left = edge(origin_x, core.x);
  const double right = edge(origin_x, core.x + core.w);
  const double top = edge(origin_y, core.y);
  const double bottom = edge(origin_y, core.y + core.h);
  std::vector<Candidate> cells;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const RegionBox& box = boxes[i];
    const auto area = static_cast<double>(box.area);
    const auto class_index = class_of(options_.classes, area * mpp_ * mpp_);
    if (!class_index) continue;
    const double x =
        round_position(origin_x + (static_cast<double>(box.sum_x) / area + 0.5) * scale);
    const double y =
        round_position(origin_y + (static_cast<double>(box.sum_y) / area + 0.5) * scale);
    if (x < left || x >= right || y < top || y >= bottom) continue;
    cells.push_back({static_cast<std::int32_t>(i + 1), *class_index, x, y});
  }
  std::sort(cells.begin(), cells.end(), [](const Candidate& a, const Candidate& b) {
    return a.y != b.y ? a.y < b.y : a.x != b.x ? a.x < b.x : a.label < b.label;
  });

  std::vector<std::int32_t> labels;
  labels.reserve(cells.size());
  for (const Candidate& cell : cells) labels.push_back(cell.label);
  backend.measure_cells(plan_, labels, [&](std::size_t i, const CellMeasures& measures) {
    out.x.push_back(cells[i].x);
    out.y.push_back(cells[i].y);
    out.class_index.push_back(cells[i].class_index);
    append_shape(measures.shape, mpp_, out.features);
    append_colour(measures.colour, tissue_grey_, out.features);
    append_contour(measures.ring, origin_x, origin_y, scale, out);
  });
}

}  // namespace tilepool
