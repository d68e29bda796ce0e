#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/memory/budget.h"
#include "common/slide/source.h"
#include "synth/synthesise.h"
#include "worker/exact_tissue.h"
#include "worker/scan_slide.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

class SynthSlide : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(::testing::TempDir()) /
        ("synth_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string bytes_of(const fs::path& file) const {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  fs::path folder_;
};

SynthOptions small() {
  SynthOptions options;
  options.width = 1500;
  options.height = 1100;
  options.pieces = 1;
  options.mpp_um = 0.5;
  options.megakaryocytes = true;
  return options;
}

double mean_grey(SlideSource& slide, double x, double y, std::int64_t edge) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * edge * edge));
  slide.read(0, std::llround(x) - edge / 2, std::llround(y) - edge / 2,
             {rgb.data(), edge, edge, 3 * edge});
  return std::accumulate(rgb.begin(), rgb.end(), 0.0) / static_cast<double>(rgb.size());
}

TEST_F(SynthSlide, BytesDependOnOptionsAlone) {
  SynthOptions options = small();
  synthesise_slide(folder_ / "a.tif", options);
  options.threads = 3;
  synthesise_slide(folder_ / "b.tif", options);
  options.seed = 2;
  synthesise_slide(folder_ / "c.tif", options);
  EXPECT_EQ(bytes_of(folder_ / "a.tif"), bytes_of(folder_ / "b.tif"));
  EXPECT_NE(bytes_of(folder_ / "a.tif"), bytes_of(folder_ / "c.tif"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 3) << "nothing else is left behind";
}

TEST_F(SynthSlide, OpensWithPyramidAndMpp) {
  for (const bool jpeg : {true, false}) {
    SynthOptions options = small();
    options.mpp_um = 0.22;
    options.jpeg = jpeg;
    synthesise_slide(folder_ / "a.tif", options);
    const auto slide = open_slide(folder_ / "a.tif", std::nullopt);
    EXPECT_EQ(slide->info().vendor, "generic-tiff");
    EXPECT_NEAR(slide->info().mpp_x, 0.22, 1e-6);
    EXPECT_EQ(slide->info().mpp_source, "tiff-resolution");
    ASSERT_EQ(slide->info().levels.size(), 2U);
    EXPECT_EQ(slide->info().levels[1].width, 750);
    EXPECT_EQ(slide->info().levels[1].height, 550);
  }
}

TEST_F(SynthSlide, LevelsAreBoxMeansOfTheLevelBelow) {
  SynthOptions options = small();
  options.width = 2111;  // odd, and no multiple of a tile
  options.height = 1300;
  options.jpeg = false;
  options.tile_px = 128;
  synthesise_slide(folder_ / "a.tif", options);
  const auto slide = open_slide(folder_ / "a.tif", std::nullopt);
  ASSERT_EQ(slide->info().levels.size(), 3U);
  const std::int64_t w = 1055, h = 650;
  std::vector<std::uint8_t> fine(static_cast<std::size_t>(12 * w * h));
  std::vector<std::uint8_t> coarse(static_cast<std::size_t>(3 * w * h));
  slide->read(0, 0, 0, {fine.data(), 2 * w, 2 * h, 6 * w});
  // OpenSlide may move what is right of the first piece by a fraction of a pixel.
  slide->read(1, 0, 0, {coarse.data(), w, h, 3 * w});
  for (std::int64_t y = 0; y < h; ++y) {
    for (std::int64_t x = 0; x < 3 * 512; ++x) {
      const auto* p = fine.data() + 2 * y * 6 * w + (x / 3) * 6 + x % 3;
      ASSERT_EQ(coarse[static_cast<std::size_t>(y * 3 * w + x)],
                (p[0] + p[3] + p[6 * w] + p[6 * w + 3] + 2) / 4)
          << x << "," << y;
    }
  }
}

TEST_F(SynthSlide, NucleiLieWhereTheTruthSays) {
  SynthTruth truth;
  synthesise_slide(folder_ / "a.tif", small(), &truth);
  const Scene scene(small());
  const auto slide = open_slide(folder_ / "a.tif", std::nullopt);
  ASSERT_GT(truth.cells.size(), 100U);
  std::size_t large = 0;
  std::size_t touching = 0;
  for (const SynthCell& cell : truth.cells) {
    EXPECT_TRUE(scene.is_tissue(cell.x, cell.y));
    if (cell.kind == SynthKind::kMegakaryocyte) {
      ++large;
      continue;
    }
    EXPECT_LT(mean_grey(*slide, cell.x, cell.y, 5), 140) << cell.x << "," << cell.y;
    for (const SynthCell& other : truth.cells) {
      const double reach = cell.semi_major + other.semi_major;
      touching += &other != &cell && std::hypot(cell.x - other.x, cell.y - other.y) < reach;
    }
  }
  EXPECT_GT(large, 0U);
  EXPECT_GT(touching, 0U);
  // Tissue away from all cells is brighter than nuclei and darker than glass.
  int stroma = 0;
  int glass = 0;
  for (std::int64_t y = 20; y < 1080; y += 40) {
    for (std::int64_t x = 20; x < 1480; x += 40) {
      const auto px = static_cast<double>(x);
      const auto py = static_cast<double>(y);
      const bool free = std::all_of(truth.cells.begin(), truth.cells.end(),
                                    [&](const SynthCell& c) { return c.ellipse(px, py) > 4; });
      const double grey = mean_grey(*slide, px, py, 5);
      const bool inside = scene.is_tissue(px - 6, py) && scene.is_tissue(px + 6, py) &&
                          scene.is_tissue(px, py - 6) && scene.is_tissue(px, py + 6);
      if (free && !scene.is_tissue(px, py) && scene.field_at(x / 16, y / 16) < -0.1) {
        EXPECT_GT(grey, 235) << x << "," << y;
        ++glass;
      } else if (inside && free) {
        EXPECT_GT(grey, 150) << x << "," << y;
        EXPECT_LT(grey, 225) << x << "," << y;
        ++stroma;
      }
    }
  }
  EXPECT_GT(stroma, 3);
  EXPECT_GT(glass, 50);
}

TEST_F(SynthSlide, ScanFindsTheTissue) {
  SynthOptions options;
  options.width = options.height = 5000;
  options.mpp_um = 1;
  options.pieces = 2;
  options.threads = 2;
  synthesise_slide(folder_ / "a.tif", options);
  const Scene scene(options);
  Budget budget(std::size_t{256} << 20);
  const auto slide = open_slide(folder_ / "a.tif", std::nullopt);
  const SlideScan scan = scan_slide({.id = "a"}, *slide, Options{}, budget);
  EXPECT_EQ(scan.modality, Modality::kBrightfield);
  std::int64_t both = 0;
  std::int64_t either = 0;
  for (std::int64_t y = 0; y < scan.tissue.height; ++y) {
    for (std::int64_t x = 0; x < scan.tissue.width; ++x) {
      const bool found = scan.tissue.mask.data()[y * scan.tissue.width + x] != 0;
      const bool is = scene.is_tissue((static_cast<double>(x) + 0.5) * scan.tissue.downsample,
                                      (static_cast<double>(y) + 0.5) * scan.tissue.downsample);
      both += found && is;
      either += found || is;
    }
  }
  EXPECT_GT(static_cast<double>(both) / static_cast<double>(either), 0.9);
}

/// Every tile is decided as counting the tissue of all its level-0 pixels decides it.
TEST_F(SynthSlide, ExactTissueIsThatOfLevel0) {
  SynthOptions synth;
  synth.width = 6000;
  synth.height = 5000;
  synth.threads = 2;
  synthesise_slide(folder_ / "a.tif", synth);
  const auto slide = open_slide(folder_ / "a.tif", std::nullopt);
  Budget budget(std::size_t{256} << 20);
  for (const std::int64_t edge : {100, 1500}) {
    SCOPED_TRACE(edge);
    Options options;
    options.tiles.size_px = edge;
    options.tissue.exact = true;
    Budget narrow(scan_slide_bytes({}, slide->info(), options));
    const SlideScan scan = scan_slide({.id = "a"}, *slide, options, narrow);
    const TissueMap& map = scan.tissue;
    const ConstRgbView rgb{map.rgb.data(), map.width, map.height, 3 * map.width};
    Arena scratch(budget, raw_tissue_scratch_bytes(map.width, map.height), "a test");
    const TissueRule rule =
        measure_tissue(rgb, TissueMethod::kOtsu, Modality::kBrightfield, scratch);
    const ImageView<const std::uint8_t> region{map.mask.data(), map.width, map.height, map.width};
    const ScanMasks masks{region, region, map.downsample};
    TileJudge judge(*slide, rule, masks, budget);
    std::int64_t pool = 0;
    std::int64_t mixed = 0;
    for (std::int64_t tile = 0; tile < scan.grid.tiles(); ++tile) {
      const Rect core = scan.grid.core(tile % scan.grid.columns(), tile / scan.grid.columns());
      const double truth =
          static_cast<double>(judge.judge(core).tissue_px()) / static_cast<double>(core.w * core.h);
      const float fraction = scan.tissue_fraction[static_cast<std::size_t>(tile)];
      EXPECT_EQ(fraction >= 0.15, truth >= 0.15) << tile << ": " << fraction << ", " << truth;
      pool += truth >= 0.15 ? 1 : 0;
      mixed += truth > 0 && truth < 1 ? 1 : 0;
    }
    EXPECT_GT(pool, 3);
    EXPECT_LT(pool, scan.grid.tiles());
    EXPECT_GT(mixed, 3);
    EXPECT_NE(scan.notes.find("tissue counted at level 0 in"), std::string::npos) << scan.notes;
  }
}

TEST_F(SynthSlide, BlankSlideHasNoTissue) {
  SynthOptions options = small();
  options.pieces = 0;
  SynthTruth truth;
  synthesise_slide(folder_ / "a.tif", options, &truth);
  EXPECT_TRUE(truth.cells.empty());
  Budget budget(std::size_t{256} << 20);
  const auto slide = open_slide(folder_ / "a.tif", std::nullopt);
  const SlideScan scan = scan_slide({.id = "a"}, *slide, Options{}, budget);
  for (const float fraction : scan.tissue_fraction) EXPECT_EQ(fraction, 0);
}

TEST_F(SynthSlide, CohortWritesSlidesAndTruth) {
  const auto slides = synthesise_cohort(folder_, 2, 2400, 7);
  ASSERT_EQ(slides.size(), 2U);
  EXPECT_NO_THROW((void)open_slide(slides[1], std::nullopt));
  const std::string first = bytes_of(folder_ / "synth-001.truth.csv");
  EXPECT_EQ(first.find("kind,x,y,semi_major,semi_minor,angle\n"), 0U);
  EXPECT_NE(first.find("\nmegakaryocyte,"), std::string::npos);
  EXPECT_NE(first.find("\nnucleus,"), std::string::npos);
  EXPECT_EQ(bytes_of(folder_ / "synth-002.truth.csv").find("megakaryocyte"), std::string::npos);
}

TEST_F(SynthSlide, WrongOptionsAndPathsAreErrors) {
  SynthOptions options = small();
  options.tile_px = 100;
  EXPECT_THROW(synthesise_slide(folder_ / "a.tif", options), Error);
  options = small();
  options.mpp_um = 0;
  EXPECT_THROW(synthesise_slide(folder_ / "a.tif", options), Error);
  EXPECT_THROW(synthesise_slide(folder_ / "no" / "a.tif", small()), Error);
}

}  // namespace
}  // namespace tilepool
