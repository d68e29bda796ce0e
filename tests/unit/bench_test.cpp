#include "bench/bench.h"

#include <array>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bench/file_rate.h"
#include "bench/jpeg_tiles.h"
#include "bench/render.h"
#include "bench/summary.h"
#include "bench/tile_choice.h"
#include "bench/timing.h"
#include "bench/verdict.h"
#include "common/base/error.h"
#include "common/run/temporary_folder.h"

namespace tilepool {
namespace {

/// A slide of a sound machine with two threads: files 800 MB/s at half a byte a pixel.
SlideFigures slide_with(double limit, double direct, double openslide) {
  SlideFigures slide;
  slide.id = "a";
  slide.reader = "direct";
  slide.file.bytes_s = 8e8;
  slide.file.bytes_per_px = 0.5;
  slide.file.random_read_s = 1e-5;
  slide.limit.mean_px = 65536;
  slide.limit.touched_ratio = 1.1;
  slide.limit.rates = {{1, limit / 2, 3}, {2, limit, 3}};
  slide.sources = {{"direct", {{1, direct / 2, 3}, {2, direct, 3}}},
                   {"openslide", {{1, openslide / 2, 3}, {2, openslide, 3}}}};
  return slide;
}

BenchFigures figures_with(const SlideFigures& slide, double job_mpx_s) {
  BenchFigures figures;
  figures.config = "c.json";
  figures.slides = {slide};
  figures.job.mpx_s = job_mpx_s;
  figures.job.threads = 2;
  figures.job.computing = 1;
  figures.job.sample = figures.job.tiles = 10;
  return figures;
}

std::set<std::string> keys_of(const BenchFigures& figures) {
  std::set<std::string> keys;
  for (const BenchFinding& finding : judge(figures, summarise(figures))) keys.insert(finding.key);
  return keys;
}

using Keys = std::set<std::string>;

TEST(BenchVerdict, ComputingBindsWhereReadingIsAmple) {
  const BenchFigures figures = figures_with(slide_with(1000, 800, 100), 100);
  EXPECT_EQ(keys_of(figures), Keys{"bound-by-computing"});
  const std::string text = judge(figures, summarise(figures)).front().text;
  EXPECT_NE(text.find("8 times"), std::string::npos) << text;
  EXPECT_NE(text.find("12.5 %"), std::string::npos) << text;  // 1 / 8
}

TEST(BenchVerdict, BetweenTheLinesBothCount) {
  EXPECT_EQ(keys_of(figures_with(slide_with(1000, 800, 100), 800 / 2.99)),
            Keys{"computing-and-reading"});
  EXPECT_EQ(keys_of(figures_with(slide_with(1000, 800, 100), 800 / 1.51)),
            Keys{"computing-and-reading"});
  EXPECT_EQ(keys_of(figures_with(slide_with(1000, 800, 100), 800 / 1.49)),
            Keys{"bound-by-reading"});
}

TEST(BenchVerdict, AGpuThatWaitsForReadsIsBoundByThem) {
  BenchFigures figures = figures_with(slide_with(1000, 800, 100), 100);
  figures.job.gpu_busy = 0.9;
  figures.job.wait_read = 0.3;
  EXPECT_EQ(keys_of(figures), Keys{"bound-by-reading"});
  figures.job.wait_read = 0.2;
  figures.job.gpu_busy = 0.4;
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-computing", "gpu-idle"}));
}

TEST(BenchVerdict, WaitingOnSharedCoresIsNotSlowReading) {
  BenchFigures figures = figures_with(slide_with(1000, 800, 100), 100);
  figures.job.wait_read = 0.3;
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-computing", "waits-for-reads"}));
}

TEST(BenchVerdict, ASlowFileSystemBinds) {
  SlideFigures slide = slide_with(1000, 800, 100);
  slide.file.bytes_s = 50e6;  // 100 Mpx/s
  EXPECT_EQ(keys_of(figures_with(slide, 90)), (Keys{"bound-by-file-system", "file-slow"}));
  EXPECT_EQ(keys_of(figures_with(slide, 70)), (Keys{"bound-by-computing", "file-slow"}));
  EXPECT_EQ(keys_of(figures_with(slide, 30)), Keys{"bound-by-computing"});  // 3.3 times the job
  slide.file.bytes_s = 6e9;
  EXPECT_EQ(keys_of(figures_with(slide, 90)), (Keys{"bound-by-computing", "file-cached"}));
}

TEST(BenchVerdict, SlowPlacesAreToldWithTheTimesOfATile) {
  SlideFigures slide = slide_with(1000, 800, 100);
  slide.file.random_read_s = 5e-3;  // a tile of 0.065536 Mpx decodes at 500 Mpx/s in 0.131 ms
  const BenchFigures figures = figures_with(slide, 100);
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-computing", "places-slow"}));
  const std::string text = judge(figures, summarise(figures)).back().text;
  EXPECT_NE(text.find("5 ms"), std::string::npos) << text;
  EXPECT_NE(text.find("0.131 ms"), std::string::npos) << text;
}

TEST(BenchVerdict, SlowPlacesBindAJobThatWaitsForThem) {
  SlideFigures slide = slide_with(1000, 800, 100);
  slide.file.random_read_s = 5e-3;
  BenchFigures figures = figures_with(slide, 100);
  figures.job.wait_read = 0.6;
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-file-system", "places-slow"}));
}

TEST(BenchVerdict, ScalingSourcesAndTheJob) {
  SlideFigures slide = slide_with(1000, 800, 100);
  slide.sources[0].rates = {{1, 500, 3}, {8, 1500, 3}};
  slide.limit.rates = {{1, 500, 3}, {8, 1800, 3}};
  BenchFigures figures = figures_with(slide, 100);
  EXPECT_TRUE(keys_of(figures).contains("reading-scales-poorly"));
  slide = slide_with(1000, 800, 100);
  slide.reader = "openslide";
  figures = figures_with(slide, 20);
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-computing", "reader"}));
  figures = figures_with(slide_with(1000, 400, 100), 20);
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-computing", "far-from-limit"}));
  figures.slides[0].limit.touched_ratio = 2.5;
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-computing", "much-touched"}));
  figures = figures_with(slide_with(1000, 800, 100), 100);
  figures.job.wait_commit = 0.1;
  figures.job.tiles_failed = 1;
  EXPECT_EQ(keys_of(figures), (Keys{"bound-by-computing", "commits-slow", "tiles-failed"}));
}

TEST(BenchVerdict, WhatIsNotKnownIsSaid) {
  BenchFigures figures = figures_with(slide_with(1000, 800, 100), 0);
  EXPECT_EQ(keys_of(figures), Keys{"job-not-known"});
  figures.job.problem = "the run ended with code 78: why";
  EXPECT_NE(judge(figures, summarise(figures)).front().text.find("code 78: why"),
            std::string::npos);
  figures = figures_with({}, 10);
  EXPECT_TRUE(keys_of(figures).contains("reading-not-known"));
  EXPECT_EQ(keys_of(BenchFigures{}), Keys{"job-not-known"});
}

TEST(BenchSummary, AsManyPixelsOfEachSlide) {
  BenchFigures figures = figures_with(slide_with(1000, 300, 100), 10);
  figures.slides.push_back(slide_with(1000, 600, 100));
  figures.slides.emplace_back().problem = "left out";
  const BenchSummary summary = summarise(figures);
  EXPECT_EQ(summary.slides, 2U);
  EXPECT_DOUBLE_EQ(most_threads_mpx_s(summary.direct), 400);  // 2 / (1/300 + 1/600)
  EXPECT_DOUBLE_EQ(one_thread_mpx_s(summary.direct), 200);
  EXPECT_TRUE(summary.reads_directly);
}

TEST(BenchSummary, WhatOneSlideLacksIsNotKnown) {
  BenchFigures figures = figures_with(slide_with(1000, 300, 100), 10);
  SlideFigures other = slide_with(1000, 300, 50);
  other.reader = "openslide (vendor mirax)";
  other.limit.problem = "not known";
  other.file.problem = "too small";
  other.sources.erase(other.sources.begin());
  figures.slides.push_back(other);
  const BenchSummary summary = summarise(figures);
  EXPECT_TRUE(summary.limit.empty() && summary.direct.empty());
  EXPECT_FALSE(summary.file_mpx_s || summary.reads_directly);
  EXPECT_DOUBLE_EQ(most_threads_mpx_s(summary.reading), 2 / (1.0 / 300 + 1.0 / 50));
}

TEST(BenchTiles, AreSpreadOverTheTissue) {
  const TileGrid grid = make_grid(1000, 1000, 100, 10, 0, 0.5);
  std::vector<float> tissue(100, 0);
  for (std::size_t i = 40; i < 60; ++i) tissue[i] = 0.5F;
  const std::vector<Rect> cores = choose_tiles(grid, tissue, 0.5, 4);
  EXPECT_EQ(cores, (std::vector<Rect>{grid.core(2, 4), grid.core(7, 4), grid.core(2, 5),
                                      grid.core(7, 5)}));
  EXPECT_EQ(choose_tiles(grid, tissue, 0.5, 1000).size(), 20U);
  EXPECT_EQ(choose_tiles(grid, tissue, 0.5, 0).size(), 1U);
}

TEST(BenchTiles, AreInTheMiddleWithoutTissue) {
  const TileGrid grid = make_grid(1000, 1000, 100, 10, 0, 0.5);
  for (const auto& tissue : {std::vector<float>{}, std::vector<float>(100, 0.1F)}) {
    const std::vector<Rect> cores = choose_tiles(grid, tissue, 0.5, 5);
    ASSERT_EQ(cores.size(), 5U);
    EXPECT_EQ(cores.front(), grid.core(5, 5));
    for (const Rect& core : cores) EXPECT_LE(std::abs(core.x - 500) + std::abs(core.y - 500), 100);
  }
  const TileGrid one = make_grid(50, 50, 100, 10, 0, 0.5);
  EXPECT_EQ(choose_tiles(one, {}, 0.5, 5), std::vector<Rect>{one.core(0, 0)});
}

TEST(BenchTiles, AreEnoughForAnyCache) {
  EXPECT_EQ(tiles_to_read(1e6), 64U);
  EXPECT_EQ(tiles_to_read(1e9), 8U);
  EXPECT_EQ(tiles_to_read(1), 1024U);
  EXPECT_EQ(tiles_to_read(0), 1024U);
}

TEST(BenchTiles, TouchedJpegTilesAreCountedOnceAndOnTheSlideOnly) {
  TiffLevel level;
  level.width = 1000;
  level.height = 600;
  level.columns = 4;
  level.rows = 3;
  level.kind.width = level.kind.height = 256;
  EXPECT_EQ(touched_tiles(level, {{-10, -10, 20, 20}}), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(touched_tiles(level, {{255, 255, 2, 2}, {0, 0, 1, 1}}),
            (std::vector<std::int64_t>{0, 1, 4, 5}));
  EXPECT_EQ(touched_tiles(level, {{900, 500, 500, 500}}), (std::vector<std::int64_t>{7, 11}));
  EXPECT_TRUE(touched_tiles(level, {{2000, 0, 10, 10}}).empty());
}

TEST(BenchSlides, DifferentKindsComeFirst) {
  const auto order = [](const std::vector<std::string>& paths) {
    std::vector<SlideSpec> cohort;
    for (const std::string& path : paths)
      cohort.push_back({path, path, "", {}, path.starts_with("bad") ? "no such file" : ""});
    return slides_to_try(cohort);
  };
  using Order = std::vector<std::size_t>;
  EXPECT_EQ(order({}), Order{});
  EXPECT_EQ(order({"a.svs"}), Order{0});
  EXPECT_EQ(order({"a.svs", "b.svs", "c.svs", "d.svs", "e.svs"}), (Order{0, 4, 2, 1, 3}));
  EXPECT_EQ(order({"a.svs", "b.tif", "c.svs", "d.svs"}), (Order{0, 1, 3, 2}));
  EXPECT_EQ(order({"bad.svs", "b.svs"}), (Order{1, 0}));
}

TEST(BenchTiming, MedianAndSteps) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 3);
  EXPECT_EQ(thread_steps(1), std::vector<int>{1});
  EXPECT_EQ(thread_steps(4), (std::vector<int>{1, 2, 4}));
  EXPECT_EQ(thread_steps(6), (std::vector<int>{1, 2, 4, 6}));
}

TEST(BenchTiming, EveryThreadWorksAndItemsComeInTurn) {
  std::atomic<int> made{0};
  std::array<std::atomic<int>, 3> done{};
  const double rate = pixels_per_second(3, 4, 0.01, {}, [&]() -> PixelWork {
    ++made;
    return [&](std::size_t item) {
      ++done.at(item);
      return 5.0;
    };
  });
  EXPECT_EQ(made, 4);
  EXPECT_GT(rate, 0);
  EXPECT_GE(done[0], done[2]);
  EXPECT_GE(done[0] + done[1] + done[2], 4);
}

TEST(BenchTiming, ErrorsAndStopsReachTheCaller) {
  const auto failing = []() -> PixelWork {
    return [](std::size_t) -> double { fail(ErrorCode::kSlide, "damaged"); };
  };
  try {
    (void)pixels_per_second(1, 2, 1, {}, failing);
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSlide);
  }
  try {
    (void)pixels_per_second(
        1, 2, 60, [] { return true; }, [] { return PixelWork{}; });
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kStopped);
  }
}

TEST(BenchFile, SmallAndMissingFilesSayWhy) {
  const TemporaryFolder folder(std::filesystem::path(::testing::TempDir()) / "bench-file");
  const std::string path = (folder.path() / "slide").string();
  EXPECT_NE(measure_file(path, 1000, 0.01, {}).problem.find("No such file"), std::string::npos);
  std::ofstream(path) << "small";
  EXPECT_NE(measure_file(path, 1000, 0.01, {}).problem.find("too little"), std::string::npos);
  std::ofstream(path) << std::string(3 << 20, 'x');
  const FileFigures figures = measure_file(path, 1000, 0.01, {});
  EXPECT_EQ(figures.problem, "");
  EXPECT_GT(figures.bytes_s, 0);
  EXPECT_GT(figures.random_read_s, 0);
  EXPECT_EQ(figures.random_bytes, 1000U);
}

TEST(TemporaryFolder, TakesTheFoldersMadeForItAlong) {
  const std::filesystem::path base = std::filesystem::path(::testing::TempDir()) / "bench-above";
  std::filesystem::remove_all(base);
  {
    const TemporaryFolder folder(base / "runs" / "x");
    EXPECT_TRUE(std::filesystem::is_directory(folder.path()));
    EXPECT_EQ(folder.path().parent_path(), base / "runs");
    std::ofstream(folder.path() / "file") << "x";
  }
  EXPECT_FALSE(std::filesystem::exists(base));
  {
    const TemporaryFolder folder(base / "runs" / "x");
    std::ofstream(base / "runs" / "of somebody") << "x";
  }
  EXPECT_TRUE(std::filesystem::exists(base / "runs" / "of somebody"));
  std::filesystem::remove_all(base);
}

TEST(BenchChart, OddRatesDoNotBreakIt) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  using Kind = BenchBar::Kind;
  EXPECT_EQ(bench_chart({}), "");
  const std::string svg = bench_chart({{"files", "", 1e9, Kind::kFile},
                                       {"<script>", "", 100, Kind::kLimit},
                                       {"zero", "", 0, Kind::kSource},
                                       {"minus", "", -5, Kind::kSource},
                                       {"none", "", kNan, Kind::kSource},
                                       {"endless", "", kInf, Kind::kSource},
                                       {"tiny", "", 1e-9, Kind::kJob}});
  EXPECT_EQ(svg.find("<script>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf\""), std::string::npos);
  const auto count = [&](const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<rect"), 3U);
  EXPECT_EQ(count("not known"), 4U);
  EXPECT_EQ(count("off the scale"), 1U);
  EXPECT_EQ(count("width=\"610.0\""), 2U);  // the largest that is no file system's, and that one
  EXPECT_EQ(count("width=\"2.0\""), 1U);    // still to be seen
  EXPECT_NE(bench_chart({{"zero", "", 0, Kind::kJob}}).find("not known"), std::string::npos);
}

TEST(BenchRender, AllThreeSayTheSameAndSurviveOddFigures) {
  BenchFigures figures = figures_with(slide_with(1000, 800, 100), 100);
  figures.config = "a\"<b>\xff.json";
  figures.notes = {"a note"};
  figures.slides.emplace_back().problem = "left <out>";
  figures.slides.back().id = "bad";
  figures.job.pooled_tiles_s = std::numeric_limits<double>::infinity();
  const std::string page = bench_page(figures);
  const std::string text = bench_text(figures);
  const auto json = nlohmann::json::parse(bench_json(figures));
  EXPECT_EQ(json["verdict"][0]["key"], "bound-by-computing");
  EXPECT_EQ(json["slides"][0]["sources"]["direct"][1]["mpx_per_s"], 800.0);
  EXPECT_EQ(json["slides"][1]["problem"], "left <out>");
  EXPECT_TRUE(json["job"]["pooled_tiles_per_s"].is_null());
  const std::string verdict = json["verdict"][0]["text"];
  EXPECT_NE(text.find(verdict), std::string::npos);
  EXPECT_NE(page.find(verdict), std::string::npos);
  EXPECT_NE(page.find("a note"), std::string::npos);
  EXPECT_NE(page.find("left &lt;out&gt;"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("http"), page.find("http-equiv"));
}

}  // namespace
}  // namespace tilepool
