#include "report/report.h"

#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/base64.h"
#include "common/base/error.h"
#include "common/run/atomic_file.h"
#include "common/run/status_json.h"
#include "report/clock.h"
#include "report/event_history.h"
#include "report/html.h"
#include "report/image_data.h"
#include "report/outline.h"
#include "report/run_view.h"
#include "report/slide_picture.h"
#include "report/status_view.h"
#include "report/text_table.h"
#include "report_fixture.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::FixtureStage;
using testing::TempFolder;

std::vector<std::uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Html, EscapesWhatWouldBeMarkup) {
  EXPECT_EQ(escape_html("<a href='x'>\"&amp;\""),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;amp;&quot;");
  EXPECT_EQ(escape_html("größe\n\xff"), "größe__");
  EXPECT_EQ(escape_block("a\n<b>\n"), "a\n&lt;b&gt;\n");
}

TEST(Html, Numbers) {
  EXPECT_EQ(grouped(std::uint64_t{0}), "0");
  EXPECT_EQ(grouped(std::uint64_t{999}), "999");
  EXPECT_EQ(grouped(std::uint64_t{1000}), "1,000");
  EXPECT_EQ(grouped(std::int64_t{-1234567}), "-1,234,567");
  EXPECT_EQ(grouped(std::int64_t{1000002003}), "1,000,002,003");
  EXPECT_EQ(percent(1, 10), "10 %");
  EXPECT_EQ(percent(1, 3), "33.3 %");
  EXPECT_EQ(percent(3, 1000), "0.3 %");
  EXPECT_EQ(percent(0, 0), "0 %");
  EXPECT_EQ(counted(1, "tile"), "1 tile");
  EXPECT_EQ(counted(2000, "tile"), "2,000 tiles");
  EXPECT_EQ(significant(0.01234), "0.0123");
  EXPECT_EQ(significant(1234.4), "1,234");
}

TEST(Base64, VectorsOfRfc4648) {
  EXPECT_EQ(base64(bytes("")), "");
  EXPECT_EQ(base64(bytes("f")), "Zg==");
  EXPECT_EQ(base64(bytes("fo")), "Zm8=");
  EXPECT_EQ(base64(bytes("foo")), "Zm9v");
  EXPECT_EQ(base64(bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64(std::vector<std::uint8_t>{0xff, 0xfe, 0xfd}), "//79");
}

TEST(Clock, ReadsWhatTheRunWrites) {
  EXPECT_EQ(parse_iso8601("1970-01-02T00:00:01.250Z"), 86401.25);
  EXPECT_EQ(parse_iso8601("2024-02-29T12:34:56.000Z"), 1709210096.0);
  EXPECT_EQ(parse_iso8601("2024-02-30T12:34:56.000Z"), std::nullopt);
  EXPECT_EQ(parse_iso8601("yesterday"), std::nullopt);
  EXPECT_EQ(readable_time("2024-05-01T09:08:07.999Z"), "2024-05-01 09:08:07 UTC");
  EXPECT_EQ(readable_time("soon"), "soon");
}

TEST(TextTable, AlignsByCharactersNotBytes) {
  TextTable table({{"id"}, {"n", TextTable::Align::kRight}, {"why"}});
  table.add({"größe", "7", ""});
  table.add({"a", "1,000", "x"});
  EXPECT_EQ(table.text(), "id         n  why\ngröße      7\na      1,000  x\n");
  EXPECT_EQ(shortened("0123456789", 10), "0123456789");
  EXPECT_EQ(shortened("0123456789ü", 9), "012...89ü");
}

TEST(Outline, FollowsPiecesAndHoles) {
  SmallMask mask{40, 30, std::vector<std::uint8_t>(40 * 30, 0)};
  const auto fill = [&](int x0, int y0, int x1, int y1, std::uint8_t value) {
    for (int y = y0; y < y1; ++y)
      for (int x = x0; x < x1; ++x) mask.ones[static_cast<std::size_t>(y * 40 + x)] = value;
  };
  fill(5, 4, 35, 24, 1);
  fill(12, 10, 20, 16, 0);
  fill(0, 28, 1, 29, 1);  // a speck
  // The piece (x 5..35, y 4..24) and its hole (x 12..20, y 10..16) in half pixels, corners cut.
  EXPECT_EQ(outline_path(mask, 1.2), "M11 8l58 0 1 39-59 1-1-39zM25 32l14 0 1-11-15-1-1 11z");
  EXPECT_EQ(outline_path({4, 4, std::vector<std::uint8_t>(16, 0)}, 1.2), "");
}

TEST(Outline, KeepsThinDiagonals) {
  SmallMask mask{64, 64, std::vector<std::uint8_t>(64 * 64, 0)};
  for (std::size_t i = 2; i < 60; ++i)
    for (std::size_t k = 0; k < 3; ++k) mask.ones[i * 64 + i + k] = 1;
  const std::string path = outline_path(mask, 1.2);
  EXPECT_TRUE(contains(path, "z")) << path;
  EXPECT_LT(path.size(), 120u) << path;
}

TEST(TilePath, SquaresAndBars) {
  const std::vector<PictureTile> tiles = {{2, 1}, {3, 1}, {4, 1}, {0, 3}, {7, 3}};
  EXPECT_EQ(tile_path(tiles, false),
            "m2 1h1v1h-1zm1 0h1v1h-1zm1 0h1v1h-1zm-4 2h1v1h-1zm7 0h1v1h-1z");
  EXPECT_EQ(tile_path(tiles, true), "m2 1h3v1h-3zm-2 2h1v1h-1zm7 0h1v1h-1z");
}

TEST(Events, RatesAddUpToTheTilesAndTheStopTakesNoTime) {
  const TempFolder folder;
  const testing::FixtureFacts facts = write_fixture(folder.path(), FixtureStage::kFinished, 1);
  const EventHistory history = read_events(RunLayout(folder.path()).events());
  EXPECT_EQ(history.attempt_begins.size(), 2u);
  EXPECT_LT(history.end_s, 120) << "the hour between the attempts is left out";
  ASSERT_EQ(history.noted.size(), 1u);
  EXPECT_EQ(history.noted[0].event, "worker-lost");
  for (const std::size_t bins : {1u, 7u, 80u}) {
    const auto rates = tile_rates(history, -1, bins);
    const double width = history.end_s / static_cast<double>(bins);
    const double tiles = std::accumulate(rates.begin(), rates.end(), 0.0) * width;
    EXPECT_NEAR(tiles, std::ceil(static_cast<double>(facts.sample) / 6) * 6, 1e-6);
    const auto one = tile_rates(history, 1, bins);
    const auto two = tile_rates(history, 2, bins);
    for (std::size_t i = 0; i < bins; ++i) EXPECT_NEAR(one[i] + two[i], rates[i], 1e-9);
  }
  EXPECT_EQ(read_events(folder.path() / "none").commits.size(), 0u);
}

TEST(RunView, CountsWhatWasWritten) {
  const TempFolder folder;
  const testing::FixtureFacts facts = write_fixture(folder.path(), FixtureStage::kFinished, 1);
  const RunView view = load_run(RunLayout(folder.path()));
  EXPECT_EQ(view.n_grid, static_cast<std::uint64_t>(facts.grid));
  EXPECT_EQ(view.n_pool, static_cast<std::uint64_t>(facts.pool));
  EXPECT_EQ(view.n_sample, static_cast<std::uint64_t>(facts.sample));
  EXPECT_EQ(view.n_done, static_cast<std::uint64_t>(facts.done));
  EXPECT_EQ(view.n_failed, 2u);
  EXPECT_EQ(view.n_cells, static_cast<std::uint64_t>(facts.cells));
  EXPECT_TRUE(view.has_results);
  EXPECT_TRUE(view.missing.empty());
  ASSERT_EQ(view.slides.size(), 4u);
  EXPECT_EQ(view.slides[0].state, "success");
  EXPECT_EQ(view.slides[0].reason, "2 of 26 sampled tiles failed: cannot read <tile> & more");
  EXPECT_EQ(view.slides[1].state, "success");
  EXPECT_EQ(view.slides[2].state, "failed");
  EXPECT_EQ(view.slides[3].state, "skipped");
  // 24 tiles of 1000 px at 0.25 um with 80 % tissue, 7 cells each.
  EXPECT_NEAR(view.slides[0].tissue_mm2, 24 * 0.0625 * 0.8, 1e-6);
  EXPECT_NEAR(view.slides[0].density_mm2(), 7 / (0.0625 * 0.8), 1e-3);
}

TEST(RunView, ResultsStandInForRemovedRanges) {
  const TempFolder folder;
  const testing::FixtureFacts facts = write_fixture(folder.path(), FixtureStage::kFinished, 1);
  const RunLayout layout(folder.path());
  std::filesystem::remove_all(layout.ranges_dir());
  const RunView view = load_run(layout);
  EXPECT_EQ(view.n_done, static_cast<std::uint64_t>(facts.done));
  EXPECT_EQ(view.n_cells, static_cast<std::uint64_t>(facts.cells));
  EXPECT_EQ(view.slides[0].reason, "2 of 26 sampled tiles failed: cannot read <tile> & more");
}

TEST(RunView, WhatIsMissingOrDamagedIsSaid) {
  const TempFolder folder;
  write_fixture(folder.path(), FixtureStage::kHalfWay, 1);
  const RunLayout layout(folder.path());
  std::ofstream(layout.range_file(0, 0, 5)) << "no HDF5";
  std::filesystem::remove(layout.status());
  const RunView view = load_run(layout);
  EXPECT_EQ(view.n_done, 20u) << "the six tiles of the damaged range are not counted";
  ASSERT_EQ(view.missing.size(), 3u);
  EXPECT_TRUE(contains(view.missing[0], "status.json is not there"));
  EXPECT_TRUE(contains(view.missing[1], layout.range_file(0, 0, 5).string()));
  EXPECT_TRUE(contains(view.missing[2], "results.h5"));
  EXPECT_EQ(run_exit_code(layout), 75);
  std::ofstream(layout.plan()) << "no HDF5";
  write_report(layout);
  EXPECT_TRUE(contains(read_file(layout.report()), "plan.h5"));
}

TEST(RunView, AFolderWithoutARunIsRefused) {
  const TempFolder folder;
  for (const auto& call : {+[](const RunLayout& l) { write_report(l); },
                           +[](const RunLayout& l) { (void)render_status(l, false); }}) {
    try {
      call(RunLayout(folder.path()));
      ADD_FAILURE() << "nothing thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNoInput);
      EXPECT_TRUE(contains(error.what(), folder.path().string()));
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Report, AScanThatDoesNotFitHasNoPicture) {
  const TempFolder folder;
  write_fixture(folder.path(), FixtureStage::kFinished, 1);
  const RunLayout layout(folder.path());
  write_report(layout, 200'000);
  const std::string page = read_file(layout.report());
  EXPECT_TRUE(contains(page, "no picture: "));
  EXPECT_FALSE(contains(page, "data:image/jpeg"));
}

TEST(Status, TextTellsHowTheRunStands) {
  const TempFolder folder;
  write_fixture(folder.path(), FixtureStage::kFinished, 1);
  const RunLayout layout(folder.path());
  const std::string text = render_status(layout, false);
  EXPECT_TRUE(contains(text, "done, exit code 3: finished, but some slides or tiles failed"))
      << text;
  EXPECT_TRUE(contains(text, "sample     52 of 262 pooled tiles (19.8 %), grid 1,350")) << text;
  EXPECT_TRUE(contains(text, "tiles      50 done, 2 failed, 0 to do")) << text;
  EXPECT_TRUE(contains(text, "1.00 GiB")) << text;
  EXPECT_FALSE(contains(text, "heartbeat")) << text;
  EXPECT_EQ(run_exit_code(layout), 3);
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) EXPECT_FALSE(line.ends_with(' ')) << line;
}

TEST(Status, AnOldHeartbeatIsToldAndAFreshOneIsNotBlamed) {
  const TempFolder folder;
  write_fixture(folder.path() / "dead", FixtureStage::kDead, 1);
  write_fixture(folder.path() / "alive", FixtureStage::kHalfWay, 1);
  const std::string dead = render_status(RunLayout(folder.path() / "dead"), false);
  EXPECT_TRUE(contains(dead, "the run may be dead; run the same command again to resume")) << dead;
  const std::string alive = render_status(RunLayout(folder.path() / "alive"), false);
  EXPECT_TRUE(contains(alive, "last heartbeat ")) << alive;
  EXPECT_FALSE(contains(alive, "dead")) << alive;
  EXPECT_TRUE(contains(alive, "42.0 s to go")) << alive;
  EXPECT_EQ(run_exit_code(RunLayout(folder.path() / "dead")), 75);
  EXPECT_EQ(run_exit_code(RunLayout(folder.path() / "nowhere")), 75);
}

TEST(Status, JsonIsStatusJsonAndTheSlides) {
  const TempFolder folder;
  const testing::FixtureFacts facts = write_fixture(folder.path(), FixtureStage::kHalfWay, 2);
  const auto json = nlohmann::json::parse(render_status(RunLayout(folder.path()), true));
  EXPECT_EQ(json.at("state"), "processing");
  EXPECT_EQ(json.at("slides"), 8);
  EXPECT_LT(json.at("heartbeat_age_s").get<double>(), 60);
  std::int64_t done = 0;
  std::int64_t cells = 0;
  for (const auto& slide : json.at("per_slide")) {
    done += slide.at("done").get<std::int64_t>();
    cells += slide.at("cells").get<std::int64_t>();
  }
  EXPECT_EQ(done, facts.done);
  EXPECT_EQ(cells, facts.cells);
  EXPECT_EQ(json.at("per_slide")[0].at("id"), testing::fixture_slide_id(0, 0));
}

}  // namespace
}  // namespace tilepool
