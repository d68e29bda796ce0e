// The segment task and its calibration on drawn images whose cells are known.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/kernels/cpu_backend.h"
#include "worker/segment_calibration.h"
#include "worker/segment_task.h"
#include "worker/tile_features_task.h"

namespace tilepool {
namespace {

constexpr double kMpp = 0.25;

struct Disc {
  double x, y, radius;  ///< pixel (i, j) is inside when its centre (i + 0.5, j + 0.5) is
};

/// Pink tissue with violet discs, white where x < white_until.
std::vector<std::uint8_t> draw(std::int64_t width, std::int64_t height,
                               const std::vector<Disc>& discs, std::int64_t white_until = 0) {
  std::vector<std::uint8_t> rgb;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const bool inside = std::any_of(discs.begin(), discs.end(), [&](const Disc& d) {
        const double dx = static_cast<double>(x) + 0.5 - d.x;
        const double dy = static_cast<double>(y) + 0.5 - d.y;
        return dx * dx + dy * dy <= d.radius * d.radius;
      });
      // A little texture, so that neither stain is a single colour.
      const auto t = static_cast<std::uint8_t>((x * 7 + y * 13) % 9);
      if (inside) {
        rgb.insert(rgb.end(), {static_cast<std::uint8_t>(80 + t), static_cast<std::uint8_t>(50 + t),
                               static_cast<std::uint8_t>(130 + t)});
      } else if (x < white_until) {
        rgb.insert(rgb.end(), {245, 245, 245});
      } else {
        rgb.insert(rgb.end(),
                   {static_cast<std::uint8_t>(205 + t), static_cast<std::uint8_t>(145 + t),
                    static_cast<std::uint8_t>(190 + t)});
      }
    }
  }
  return rgb;
}

struct Field {
  std::int64_t width, height;
  std::vector<std::uint8_t> rgb;
  [[nodiscard]] ConstRgbView view() const { return {rgb.data(), width, height, 3 * width}; }
  [[nodiscard]] RgbView pixels() { return {rgb.data(), width, height, 3 * width}; }
};

SegmentCalibration calibrate(const Field& field, const SegmentOptions& options, std::string& note,
                             Modality modality = Modality::kBrightfield) {
  SegmentCalibrator calibrator(options, modality, kMpp);
  const std::size_t bytes = calibrator.scratch_bytes(field.width, field.height);
  Budget budget(bytes + 4096);
  Arena scratch(budget, bytes, "test");
  calibrator.add(field.view(), scratch);
  return calibrator.finish(note);
}

CellBatch segment(Field field, const SegmentOptions& options, Rect core, double origin_x,
                  double origin_y, double scale) {
  std::string note;
  const SegmentTask task(options, calibrate(field, options, note), kMpp);
  const std::size_t bytes = CpuBackend::scratch_bytes(field.width, field.height);
  Budget budget(bytes + 4096);
  Arena scratch(budget, bytes, "test");
  CellBatch out;
  CpuBackend backend(scratch);
  backend.begin(field.pixels());
  task.run(backend, core, {0, 0, field.width, field.height}, origin_x, origin_y, scale, out);
  return out;
}

const std::vector<Disc> kDiscs = {
    {60, 50, 12}, {130, 50.5, 10}, {60, 120, 12}, {79, 120, 12}, {150, 150, 11}};

Field field_of(const std::vector<Disc>& discs) { return {200, 200, draw(200, 200, discs)}; }

TEST(KernelsSegment, FindsDrawnCellsAndSplitsTheTouchingPair) {
  const Field field = field_of(kDiscs);
  const SegmentOptions options;
  const CellBatch cells = segment(field, options, {0, 0, 200, 200}, 0, 0, 1);
  ASSERT_EQ(cells.size(), 5U);
  const std::size_t columns = segment_schema(options).cell_features.size();
  ASSERT_EQ(cells.features.size(), 5 * columns);
  EXPECT_NEAR(cells.x[0], 60, 0.3);
  EXPECT_NEAR(cells.y[0], 50, 0.3);
  EXPECT_NEAR(cells.x[1], 130, 0.3);
  EXPECT_NEAR(cells.x[2], 60, 1.5);
  EXPECT_NEAR(cells.x[3], 79, 1.5);
  EXPECT_NEAR(cells.features[0], 144 * 3.14159 * kMpp * kMpp, 4);  // area_um2
  EXPECT_NEAR(cells.features[2], 0.95, 0.08);                      // circularity of a disc
  for (const float value : cells.features) EXPECT_TRUE(std::isfinite(value));
}

TEST(KernelsSegment, ReportsLevelZeroPositions) {
  const Field field = field_of({{60, 50, 12}});
  const CellBatch cells = segment(field, {}, {0, 0, 200, 200}, 1000, -64, 2);
  ASSERT_EQ(cells.size(), 1U);
  EXPECT_NEAR(cells.x[0], 1120, 0.5);
  EXPECT_NEAR(cells.y[0], 36, 0.5);
  const auto [low, high] = std::minmax_element(cells.contour_x.begin(), cells.contour_x.end());
  EXPECT_NEAR(*low, 1000 + 2 * 48, 2.1);
  EXPECT_NEAR(*high, 1000 + 2 * 72, 2.1);
}

TEST(KernelsSegment, ACentroidOnTheEdgeBelongsToOneCoreOnly) {
  // The disc is symmetric about x = 60 exactly.
  const Field field = field_of({{60, 50, 12}});
  EXPECT_EQ(segment(field, {}, {0, 0, 60, 200}, 0, 0, 1).size(), 0U);
  const CellBatch right = segment(field, {}, {60, 0, 140, 200}, 0, 0, 1);
  ASSERT_EQ(right.size(), 1U);
  EXPECT_EQ(right.x[0], 60);
}

TEST(KernelsSegment, TheFirstClassThatHoldsTheAreaWins) {
  const Field field = field_of(kDiscs);  // areas about 23 to 32 um2
  SegmentOptions options;
  options.classes = {{"small", 15, 25}, {"large", 15, 400}};
  const CellBatch two = segment(field, options, {0, 0, 200, 200}, 0, 0, 1);
  EXPECT_EQ(std::count(two.class_index.begin(), two.class_index.end(), 0), 1);
  EXPECT_EQ(std::count(two.class_index.begin(), two.class_index.end(), 1), 4);
  options.classes = {{"small", 15, 25}};
  EXPECT_EQ(segment(field, options, {0, 0, 200, 200}, 0, 0, 1).size(), 1U);
}

TEST(KernelsSegment, WhatLiesOutsideTheSlideIsNoTissue) {
  Field field = field_of(kDiscs);
  std::string note;
  const SegmentTask task({}, calibrate(field, {}, note), kMpp);
  const std::size_t bytes = CpuBackend::scratch_bytes(200, 200);
  Budget budget(bytes + 4096);
  Arena scratch(budget, bytes, "test");
  CellBatch out;
  CpuBackend backend(scratch);
  backend.begin(field.pixels());
  task.run(backend, {0, 0, 200, 200}, {0, 0, 200, 100}, 0, 0, 1, out);
  EXPECT_EQ(out.size(), 2U);
}

TEST(KernelsSegment, SmallWindowsWork) {
  for (const std::int64_t w : {1, 31, 32, 33, 255, 256, 257}) {
    for (const std::int64_t h : {1, 31, 33}) {
      const Field field = {w, h, draw(w, h, {{16, 16, 12}})};
      EXPECT_LE(segment(field, {}, {0, 0, w, h}, 0, 0, 1).size(), 1U);
    }
  }
}

TEST(KernelsCalibration, EstimatesBothStainsAndSurvivesTheRoundTrip) {
  std::string note;
  const SegmentCalibration c = calibrate(field_of(kDiscs), {}, note);
  EXPECT_EQ(note, "");
  EXPECT_GT(c.stain1[0], c.stain2[0]);  // the nuclear stain takes more red
  EXPECT_GT(c.threshold, 0);
  EXPECT_LT(c.threshold, kPlaneMax);
  EXPECT_EQ(SegmentCalibration::from_values(c.to_values()), c);
  auto values = c.to_values();
  values.pop_back();
  EXPECT_THROW((void)SegmentCalibration::from_values(values), Error);
}

TEST(KernelsCalibration, OrderOfPatchesDoesNotMatter) {
  const Field a = field_of(kDiscs);
  const Field b = {64, 64, draw(64, 64, {{30, 30, 15}}, 20)};
  std::vector<SegmentCalibration> results;
  for (const auto& order : {std::vector<const Field*>{&a, &b}, std::vector<const Field*>{&b, &a}}) {
    SegmentCalibrator calibrator({}, Modality::kBrightfield, kMpp);
    Budget budget(std::size_t{64} << 20);
    Arena scratch(budget, calibrator.scratch_bytes(200, 200), "test");
    for (const Field* field : order) calibrator.add(field->view(), scratch);
    std::string note;
    results.push_back(calibrator.finish(note));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(KernelsCalibration, DegenerateSlidesFallBackWithANote) {
  const std::vector<std::vector<std::uint8_t>> colours = {
      {243, 243, 243}, {180, 90, 160}, {0, 0, 0}};
  for (const auto& colour : colours) {
    Field field = {100, 100, {}};
    for (int i = 0; i < 10000; ++i) field.rgb.insert(field.rgb.end(), colour.begin(), colour.end());
    std::string note;
    const SegmentCalibration c = calibrate(field, {}, note);
    EXPECT_EQ(note.rfind("fallback to Ruifrok H&E: ", 0), 0U) << note;
    EXPECT_EQ(c.stain1, normalised(kRuifrokHaematoxylin));
    for (const auto& [name, value] : c.to_values()) EXPECT_TRUE(std::isfinite(value)) << name;
    EXPECT_GT(c.reference1, 0);
    EXPECT_GT(c.tissue_grey, 0);
  }
}

TEST(KernelsCalibration, FixedStains) {
  std::string note;
  SegmentOptions options;
  options.stain = StainMethod::kHdab;
  const SegmentCalibration c = calibrate(field_of(kDiscs), options, note);
  EXPECT_EQ(c.stain2, normalised(kRuifrokDab));
  EXPECT_EQ(note, "");
}

TEST(KernelsSegment, BrightNucleiOnDarkBackground) {
  Field field = {200, 200, {}};
  for (const std::uint8_t v : draw(200, 200, kDiscs)) field.rgb.push_back(v);
  for (std::size_t i = 0; i < field.rgb.size(); i += 3) {
    const bool nucleus = field.rgb[i] < 120;
    field.rgb[i] = 0;
    field.rgb[i + 1] = static_cast<std::uint8_t>(nucleus ? 20 : 3);
    field.rgb[i + 2] = static_cast<std::uint8_t>(nucleus ? 180 : 12);
  }
  std::string note;
  const SegmentTask task({}, calibrate(field, {}, note, Modality::kFluorescence), kMpp);
  const std::size_t bytes = CpuBackend::scratch_bytes(200, 200);
  Budget budget(bytes + 4096);
  Arena scratch(budget, bytes, "test");
  CellBatch out;
  CpuBackend backend(scratch);
  backend.begin(field.pixels());
  task.run(backend, {0, 0, 200, 200}, {0, 0, 200, 200}, 0, 0, 1, out);
  EXPECT_EQ(out.size(), 5U);
}

TEST(KernelsTileFeatures, MeanAndStdByName) {
  std::vector<std::uint8_t> rgb = {10, 20, 30, 30, 40, 50};
  std::vector<float> row;
  Arena none(nullptr, 0);
  CpuBackend backend(none);
  backend.begin({rgb.data(), 2, 1, 6});
  tile_features(backend, {0, 0, 2, 1}, row);
  const TaskSchema schema = tile_features_schema();
  ASSERT_EQ(row.size(), schema.tile_features.size());
  EXPECT_EQ(schema.tile_features[2].name, "mean_g");
  EXPECT_FLOAT_EQ(row[2], 30);
  EXPECT_EQ(schema.tile_features[3].name, "std_g");
  EXPECT_FLOAT_EQ(row[3], 10);
  row.clear();
  tile_features(backend, {0, 0, 0, 1}, row);
  EXPECT_TRUE(std::isnan(row.at(0)));
}

TEST(KernelsSegment, SchemaNamesAreUnique) {
  const TaskSchema schema = segment_schema({});
  std::set<std::string> names;
  for (const auto& f : schema.cell_features) names.insert(f.name);
  EXPECT_EQ(names.size(), schema.cell_features.size());
  EXPECT_EQ(schema.cell_features.size(), 29U);
}

}  // namespace
}  // namespace tilepool
