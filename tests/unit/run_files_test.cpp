#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/run/atomic_file.h"
#include "common/run/calibration_file.h"
#include "common/run/layout.h"
#include "common/run/plan_file.h"
#include "common/run/scan_file.h"
#include "support/error_of.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::error_of;
using testing::TempFolder;

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// Runs `function` while no file may grow beyond `bytes`.
template <class Function>
Error error_with_file_limit(rlim_t bytes, Function function) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{bytes, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  Error error = error_of(function);
  ::setrlimit(RLIMIT_FSIZE, &old);
  return error;
}

TEST(AtomicFile, IsWhollyThereOrNotAtAll) {
  const TempFolder folder;
  const auto path = folder.path() / "sub" / "a.txt";
  write_file_atomically(path, "first");
  EXPECT_EQ(read_file(path), "first");
  write_file_atomically(path, std::string(100000, 'x'));
  const Error error =
      error_with_file_limit(5000, [&] { write_file_atomically(path, std::string(9000, 'y')); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_NE(std::string(error.what()).find("File too large"), std::string::npos) << error.what();
  EXPECT_EQ(read_file(path), std::string(100000, 'x')) << "the old content stands";
  EXPECT_EQ(files_in(path.parent_path()), 1u) << "no temporary file is left";
  const Error absent = error_of([&] { (void)read_file(folder.path() / "none"); });
  EXPECT_EQ(absent.code(), ErrorCode::kIo);
  EXPECT_NE(std::string(absent.what()).find("none"), std::string::npos);
}

TEST(AtomicFile, TemporariesOfTheDeadAreRemoved) {
  const TempFolder folder;
  const auto temp = temporary_path(folder.path() / "a.h5");
  EXPECT_NE(temp, temporary_path(folder.path() / "a.h5"));
  std::ofstream(temp) << "half";
  std::ofstream(folder.path() / "a.h5") << "whole";
  std::ofstream(folder.path() / ".hidden") << "not ours";
  EXPECT_EQ(remove_temporaries(folder.path()), 1u);
  EXPECT_EQ(files_in(folder.path()), 2u);
  EXPECT_EQ(remove_temporaries(folder.path() / "none"), 0u);
}

TEST(RunLayout, NamesTellSlidesApart) {
  const RunLayout layout("run");
  EXPECT_NE(layout.scan_file("a/b"), layout.scan_file("a_b"));
  EXPECT_EQ(layout.scan_file("a/b").parent_path(), "run/scan");
  EXPECT_EQ(layout.scan_file("a/../../b").parent_path(), "run/scan");
  EXPECT_EQ(layout.scan_file("..").filename().string().substr(0, 2), "_.");
  EXPECT_LT(layout.slide_calibration(std::string(255, 'x')).filename().string().size(), 150u);
  EXPECT_EQ(layout.range_file(1, 5, 68), "run/ranges/001-0000000005-0000000068.h5");
  EXPECT_LT(layout.range_file(0, 9, 9), layout.range_file(0, 10, 19));
}

SlideScan example_scan(Budget& budget) {
  SlideScan scan;
  scan.slide_id = "größer";
  scan.path = "/data/a.svs";
  scan.notes = "mpp from tiff-resolution";
  scan.info = {"aperio", "openslide", 1300, 700, {{1300, 700, 1.0}, {325, 175, 4.0}}, 0.25, 0.26};
  scan.info.mpp_source = "openslide";
  scan.info.mpp_problem = "none";
  scan.info.fingerprint = "abc123";
  scan.modality = Modality::kFluorescence;
  scan.grid = make_grid(1300, 700, 256, 32, 0, 0.25);
  scan.tissue.downsample = 1.9;
  scan.tissue.width = 683;
  scan.tissue.height = 601;
  const std::size_t pixels = std::size_t{683} * 601;
  scan.tissue.rgb = Buffer<std::uint8_t>(budget, pixels * 3, "rgb");
  scan.tissue.mask = Buffer<std::uint8_t>(budget, pixels, "mask");
  scan.tissue.variance = Buffer<std::uint16_t>(budget, pixels, "variance");
  for (std::size_t i = 0; i < pixels; ++i) {
    scan.tissue.mask.data()[i] = i % 7 == 0 ? 1 : 0;
    scan.tissue.variance.data()[i] = static_cast<std::uint16_t>(i);
    for (std::size_t c = 0; c < 3; ++c) {
      scan.tissue.rgb.data()[3 * i + c] = static_cast<std::uint8_t>(i * (c + 1));
    }
  }
  for (std::int64_t i = 0; i < scan.grid.tiles(); ++i) {
    scan.tissue_fraction.push_back(static_cast<float>(i) / 20);
  }
  return scan;
}

TEST(ScanFile, ComesBackAndPythonReadsIt) {
  const TempFolder folder;
  Budget budget(64 << 20);
  const SlideScan scan = example_scan(budget);
  const auto path = folder.path() / "scan" / "a.h5";
  write_scan(path, scan, pack_images(scan.tissue, budget));
  const SlideScan back = read_scan(path, {true, true, true}, budget);
  EXPECT_EQ(back.slide_id, scan.slide_id);
  EXPECT_EQ(back.notes, scan.notes);
  EXPECT_FALSE(back.failed);
  EXPECT_EQ(back.modality, Modality::kFluorescence);
  EXPECT_EQ(back.info.fingerprint, "abc123");
  EXPECT_EQ(back.info.mpp_y, 0.26);
  EXPECT_EQ(back.info.mpp_source, "openslide");
  EXPECT_EQ(back.info.mpp_problem, "none");
  ASSERT_EQ(back.info.levels.size(), 2u);
  EXPECT_EQ(back.info.levels[1].downsample, 4.0);
  EXPECT_EQ(back.grid.core_px, 256);
  EXPECT_EQ(back.tissue_fraction, scan.tissue_fraction);
  EXPECT_EQ(back.tissue.downsample, 1.9);
  EXPECT_TRUE(std::ranges::equal(back.tissue.rgb.span(), scan.tissue.rgb.span()));
  EXPECT_TRUE(std::ranges::equal(back.tissue.mask.span(), scan.tissue.mask.span()));
  EXPECT_TRUE(std::ranges::equal(back.tissue.variance.span(), scan.tissue.variance.span()));
  const SlideScan small = read_scan(path, {}, budget);
  EXPECT_EQ(small.tissue.mask.size(), 0u);
  EXPECT_EQ(small.tissue.width, 683);
  TILEPOOL_EXPECT_PYTHON(R"(
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1], 'r')
i = np.arange(683 * 601)
assert f['tissue/mask'].shape == (601, 683) and f['tissue/rgb'].shape == (601, 683, 3)
assert (f['tissue/mask'][:].ravel() == (i % 7 == 0)).all()
assert (f['tissue/rgb'][:].reshape(-1, 3)[:, 2] == (i * 3) % 256).all()
assert (f['tissue/variance'][:].ravel() == i % 65536).all()
assert f['tissue/mask'].compression == 'gzip' and f['tissue/rgb'].compression == 'gzip'
assert f['grid'].attrs['core_px'] == 256 and len(f['grid/tissue_fraction']) == 6 * 3
)",
                         path.string());
}

TEST(ScanFile, FailedSlideIsCommittedWithItsReason) {
  const TempFolder folder;
  Budget budget(1 << 20);
  SlideScan scan;
  scan.slide_id = "bad";
  scan.failed = true;
  scan.reason = "cannot be opened: not a slide";
  write_scan(folder.path() / "bad.h5", scan, {});
  const SlideScan back = read_scan(folder.path() / "bad.h5", {true, true, true}, budget);
  EXPECT_TRUE(back.failed);
  EXPECT_EQ(back.reason, scan.reason);
  EXPECT_TRUE(std::isnan(back.info.mpp_x));
  EXPECT_EQ(back.tissue.mask.size(), 0u);
}

TEST(ScanFile, AFailedWriteLeavesNothing) {
  const TempFolder folder;
  Budget budget(64 << 20);
  const SlideScan scan = example_scan(budget);
  const auto path = folder.path() / "a.h5";
  const Error error = error_with_file_limit(
      20000, [&] { write_scan(path, scan, pack_images(scan.tissue, budget)); });
  EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
  EXPECT_EQ(files_in(folder.path()), 0u);
  EXPECT_EQ(h5::open_objects(), 0u);
}

std::vector<PlanSlide> example_slides() {
  PlanSlide a{"a", "/d/a.svs", "FGC", "aperio", "success", "", 100000, 80000, 0.25, 0.25};
  a.n_grid = 100;
  a.n_pool = 40;
  a.n_sample = 10;
  a.core_px = 3000;
  a.modality = 2;
  a.fingerprint = "ff00";
  a.reader = "openslide (vendor hamamatsu)";
  PlanSlide b{"größer", "/d/b.svs", "", "", "failed", "no mpp"};
  b.mpp_x = b.mpp_y = std::numeric_limits<double>::quiet_NaN();
  return {a, b};
}

PoolTile pool_tile(std::uint64_t i) {
  return {0,
          static_cast<std::int64_t>(i % 100) * 10,
          static_cast<std::int64_t>(i / 100) * 10,
          10,
          9,
          static_cast<float>(i) / 100000.0F,
          i * 0x9e3779b97f4a7c15u};
}

/// A pool of `n` rows appended in odd pieces, every `step`-th sampled.
void write_plan(const std::filesystem::path& path, std::uint64_t n, std::uint64_t step) {
  PlanHead head;
  head.generation = 3;
  head.seed = ~0ull;
  head.job_id = "job";
  head.pipeline_id = "pipe";
  head.variance_threshold = 12.5;
  head.config = std::string(100000, 'c');
  PlanWriter writer(path, head);
  writer.write_slides(example_slides());
  std::vector<PoolTile> rows;
  for (std::uint64_t i = 0; i < n; ++i) {
    rows.push_back(pool_tile(i));
    if (rows.size() == 777) {
      writer.append_pool(rows);
      rows.clear();
    }
  }
  writer.append_pool(rows);
  std::vector<std::uint64_t> sample;
  std::vector<std::uint8_t> carried;
  for (std::uint64_t i = 0; i < n; i += step) {
    sample.push_back(i);
    carried.push_back(i % 2 == 0 ? 1 : 0);
  }
  writer.write_sample(sample, carried);
  EXPECT_FALSE(std::filesystem::exists(path)) << "nothing under its name before the commit";
  writer.commit();
}

void expect_tile(const PoolTile& actual, std::uint64_t i) {
  const PoolTile expected = pool_tile(i);
  EXPECT_EQ(actual.slide, expected.slide);
  EXPECT_EQ(actual.x, expected.x);
  EXPECT_EQ(actual.y, expected.y);
  EXPECT_EQ(actual.w, expected.w);
  EXPECT_EQ(actual.h, expected.h);
  EXPECT_EQ(actual.tissue_fraction, expected.tissue_fraction);
  EXPECT_EQ(actual.key, expected.key);
}

TEST(PlanFile, ComesBack) {
  for (const std::uint64_t n : {0ull, 1ull, 100ull, 16384ull, 50000ull}) {
    for (const std::uint64_t step : {1ull, 10ull, 20011ull}) {
      const TempFolder folder;
      write_plan(folder.path() / "plan.h5", n, step);
      const PlanReader plan(folder.path() / "plan.h5");
      EXPECT_EQ(plan.head().generation, 3u);
      EXPECT_EQ(plan.head().seed, ~0ull);
      EXPECT_EQ(plan.head().pipeline_id, "pipe");
      EXPECT_EQ(plan.head().variance_threshold, 12.5);
      EXPECT_EQ(plan.head().config.size(), 100000u);
      ASSERT_EQ(plan.pool_size(), n);
      const std::uint64_t n_sample = (n + step - 1) / step;
      ASSERT_EQ(plan.sample_size(), n_sample);
      const auto tiles = plan.sample_tiles(0, n_sample);
      ASSERT_EQ(tiles.size(), n_sample);
      for (std::uint64_t i = 0; i < n_sample; ++i) expect_tile(tiles[i], i * step);
      const auto rows = plan.pool(n / 2, n - n / 2);
      for (std::uint64_t i = 0; i < rows.size(); ++i) expect_tile(rows[i], n / 2 + i);
      if (n_sample < 2) continue;
      expect_tile(plan.sample_tiles(1, 1).at(0), step);
      EXPECT_EQ(plan.sample(1, 1).at(0), step);
      EXPECT_EQ(plan.carried(1, 1).at(0), step % 2 == 0 ? 1 : 0);
    }
  }
}

TEST(PlanFile, SlidesComeBack) {
  const TempFolder folder;
  write_plan(folder.path() / "plan.h5", 10, 2);
  const auto slides = PlanReader(folder.path() / "plan.h5").slides();
  const auto expected = example_slides();
  ASSERT_EQ(slides.size(), 2u);
  EXPECT_EQ(slides[0].group, "FGC");
  EXPECT_EQ(slides[0].core_px, 3000);
  EXPECT_EQ(slides[0].modality, 2);
  EXPECT_EQ(slides[0].fingerprint, "ff00");
  EXPECT_EQ(slides[0].reader, "openslide (vendor hamamatsu)");
  EXPECT_EQ(slides[0].n_sample, 10);
  EXPECT_EQ(slides[0].mpp_x, 0.25);
  EXPECT_EQ(slides[1].id, "größer");
  EXPECT_EQ(slides[1].status, "failed");
  EXPECT_EQ(slides[1].reason, "no mpp");
  EXPECT_TRUE(std::isnan(slides[1].mpp_y));
}

TEST(PlanFile, WithoutCommitNothingIsLeft) {
  const TempFolder folder;
  {
    PlanWriter writer(folder.path() / "plan.h5", {});
    writer.write_slides(example_slides());
    EXPECT_EQ(error_of([&] { writer.commit(); }).code(), ErrorCode::kInternal);
    const std::vector<std::uint64_t> beyond = {5};
    const std::vector<std::uint8_t> carried = {0};
    EXPECT_EQ(error_of([&] { writer.write_sample(beyond, carried); }).code(), ErrorCode::kInternal);
  }
  EXPECT_EQ(files_in(folder.path()), 0u);
  const Error error =
      error_with_file_limit(50000, [&] { write_plan(folder.path() / "plan.h5", 50000, 3); });
  EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
  EXPECT_EQ(files_in(folder.path()), 0u);
}

TEST(CalibrationFile, SlideComesBackExactly) {
  const TempFolder folder;
  const auto path = folder.path() / "a.json";
  SlideCalibration slide;
  slide.slide_id = "größer";
  slide.values = {{"z", 0.1 + 0.2}, {"a", -1e-310}, {"nan", std::nan("")}};
  slide.patches = {{1, 2, 3, 4}, {-5, 6, 7, 8}};
  slide.note = "fallback: \"x\"";
  write_slide_calibration(path, slide);
  const SlideCalibration back = read_slide_calibration(path);
  EXPECT_EQ(back.slide_id, slide.slide_id);
  EXPECT_EQ(back.note, slide.note);
  ASSERT_EQ(back.values.size(), 3u);
  EXPECT_EQ(back.values[0], slide.values[0]);
  EXPECT_EQ(back.values[1], slide.values[1]);
  EXPECT_TRUE(std::isnan(back.values[2].second));
  EXPECT_EQ(back.patches, slide.patches);
  std::ofstream(path) << "{\"format\":";
  EXPECT_EQ(error_of([&] { (void)read_slide_calibration(path); }).code(), ErrorCode::kIo);
}

TEST(CalibrationFile, CohortComesBack) {
  const TempFolder folder;
  const auto path = folder.path() / "calibration.h5";
  SlideCalibration a{"a", {{"stain0_r", 0.65}, {"threshold", 0.1 + 0.2}}, {{0, 0, 512, 512}}, ""};
  SlideCalibration b{"b", {{"threshold", 7}}, {}, "fallback"};
  SlideCalibration c{"c", {}, {{1, 2, 3, 4}, {5, 6, 7, 8}}, ""};
  write_calibration(path, {a, b, c}, {{"variance_threshold", 1.0 / 3}, {"x", 2}});
  const auto back = read_calibration(path);
  ASSERT_EQ(back.size(), 3u);
  EXPECT_EQ(back[0].values, a.values);
  EXPECT_EQ(back[1].values, b.values);
  EXPECT_EQ(back[1].note, "fallback");
  EXPECT_TRUE(back[2].values.empty());
  EXPECT_EQ(back[0].patches, a.patches);
  EXPECT_EQ(back[2].patches, c.patches);
  const auto cohort = read_cohort_calibration(path);
  ASSERT_EQ(cohort.size(), 2u);
  EXPECT_EQ(cohort[0], (std::pair<std::string, double>("variance_threshold", 1.0 / 3)));
  write_calibration(path, {}, {});
  EXPECT_TRUE(read_calibration(path).empty());
  EXPECT_TRUE(read_cohort_calibration(path).empty());
}

}  // namespace
}  // namespace tilepool
