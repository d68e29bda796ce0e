#include <cmath>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/slide/source.h"
#include "master/job_preview.h"
#include "support/run_python.h"
#include "synth/synthesise.h"

namespace tilepool {
namespace {

using testing::TempFolder;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Two synthetic slides of 2048 px, a file that is none, and one that the cohort refused.
class JobPreviewTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempFolder>();
    cohort_ = std::make_unique<std::vector<SlideSpec>>();
    for (const auto& slide : synthesise_cohort(folder_->path(), 2, 2048, 7))
      cohort_->push_back({slide.stem().string(), slide.string(), "g", std::nullopt, ""});
    const auto broken = folder_->path() / "broken.svs";
    std::ofstream(broken) << "no slide";
    cohort_->push_back({"x broken", broken.string(), "", std::nullopt, ""});
    cohort_->push_back({"y twice", "/y.svs", "", std::nullopt, "the id stands twice"});
  }
  static void TearDownTestSuite() {
    cohort_.reset();
    folder_.reset();
  }

  static Options options() {
    Options options;
    options.tiles.size_px = 500;
    options.tiles.halo_px = 64;
    options.sample.fraction = 0.1;
    return options;
  }
  static inline std::unique_ptr<TempFolder> folder_;
  static inline std::unique_ptr<std::vector<SlideSpec>> cohort_;
};

TEST_F(JobPreviewTest, CountsTilesAndBoundsTheSample) {
  const JobPreview preview = preview_job(options(), *cohort_, {2, 3, 0, 0});
  ASSERT_EQ(preview.slides.size(), 4u);
  // 2048 px are five tiles of 500: 25 a slide, 50 in all, of which 10 % are 5.
  EXPECT_EQ(preview.slides[0].tiles, 25);
  EXPECT_EQ(preview.tiles, 50);
  EXPECT_EQ(preview.sample_most, 5);
  EXPECT_EQ(preview.sample_px, 5.0 * 628 * 628);
  EXPECT_EQ(preview.failing(), 2u);
  EXPECT_TRUE(preview.slides[1].problem.empty());
  EXPECT_TRUE(contains(preview.slides[2].problem, "broken.svs")) << preview.slides[2].problem;
  EXPECT_EQ(preview.slides[3].problem, "the id stands twice");
  EXPECT_NEAR(preview.seconds,
              (preview.sample_px / preview.px_per_thread_s + preview.scan_px / 15e6) / 6, 1e-9);
}

TEST_F(JobPreviewTest, TilesAreCountedAtTheResolutionAskedFor) {
  Options coarse = options();
  const double mpp = open_slide(cohort_->front().path, std::nullopt)->info().mpp();
  coarse.tiles.mpp = 2 * mpp;
  const JobPreview preview = preview_job(coarse, *cohort_, {});
  EXPECT_EQ(preview.slides[0].tiles, 9) << "2048 px are three tiles of 1000 level-0 px";
  EXPECT_NEAR(preview.slides[0].tile_px, std::pow(1024 + 3 * 128, 2), 1e-6);
}

TEST_F(JobPreviewTest, SampleSizes) {
  Options count = options();
  count.sample.count = 7;
  EXPECT_EQ(preview_job(count, *cohort_, {}).sample_most, 7);
  count.sample.count = 700;
  EXPECT_EQ(preview_job(count, *cohort_, {}).sample_most, 50);
  Options tiny = options();
  tiny.sample.fraction = 0.0001;
  EXPECT_EQ(preview_job(tiny, *cohort_, {}).sample_most, 1);
  EXPECT_EQ(preview_job(tiny, {}, {}).sample_most, 0);
}

TEST_F(JobPreviewTest, WarnsOfCellsLargerThanTheHalo) {
  Options wide = options();
  const double mpp = open_slide(cohort_->front().path, std::nullopt)->info().mpp();
  // A disk just as wide as the halo, and one a little wider.
  const double halo_um = 64 * mpp;
  wide.segment.classes = {{"fits", 1, std::acos(-1.0) * halo_um * halo_um / 4 * 0.999}};
  EXPECT_TRUE(preview_job(wide, *cohort_, {}).warnings.empty());
  wide.segment.classes[0] = {"large", 1, std::acos(-1.0) * halo_um * halo_um / 4 * 1.05};
  const JobPreview preview = preview_job(wide, *cohort_, {});
  ASSERT_EQ(preview.warnings.size(), 1u);
  EXPECT_TRUE(contains(preview.warnings[0], "class large")) << preview.warnings[0];
  EXPECT_TRUE(contains(preview.warnings[0], "2 of 4 slides")) << preview.warnings[0];
  EXPECT_TRUE(contains(preview.warnings[0], "halo_px to at least 66")) << preview.warnings[0];
  wide.task = TaskKind::kTileFeatures;
  EXPECT_TRUE(preview_job(wide, *cohort_, {}).warnings.empty());
}

TEST_F(JobPreviewTest, TellsWhenTheMemoryWillNotDo) {
  Options small = options();
  small.segment.classes[0].max_area_um2 = 30;
  const JobPreview preview =
      preview_job(small, *cohort_, {1, 1, std::size_t{100} << 20, std::size_t{300} << 20});
  EXPECT_FALSE(preview.memory_fits());
  ASSERT_EQ(preview.warnings.size(), 1u);
  EXPECT_TRUE(contains(preview.warnings[0], "at least 304MiB")) << preview.warnings[0];
}

TEST_F(JobPreviewTest, TextAndJsonSayTheSame) {
  const JobPreview preview = preview_job(options(), *cohort_, {1, 2, 1 << 30, 1 << 28});
  const std::string text = render_preview(preview, false);
  EXPECT_TRUE(contains(text, "slides     4: 2 to run, 2 would fail")) << text;
  EXPECT_TRUE(contains(text, "sample     at most 5 tiles (10 % of the grid)")) << text;
  EXPECT_TRUE(contains(text, "fail: the id stands twice")) << text;
  EXPECT_TRUE(contains(text, "a guess")) << text;
  const auto json = nlohmann::json::parse(render_preview(preview, true));
  EXPECT_EQ(json.at("tiles"), 50);
  EXPECT_EQ(json.at("slides").size(), 4u);
  EXPECT_EQ(json.at("sample_at_most"), 5);
  EXPECT_EQ(json.at("slides")[0].at("width"), 2048);
  EXPECT_TRUE(json.at("slides")[2].at("mpp_x").is_null());
  EXPECT_TRUE(json.at("memory_fits").get<bool>());
}

}  // namespace
}  // namespace tilepool
