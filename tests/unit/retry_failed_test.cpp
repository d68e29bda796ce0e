#include "master/retry_failed.h"

#include <fstream>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"
#include "report_fixture.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::FixtureStage;
using testing::TempFolder;

const TaskSchema kSchema{Items::kCells, {{"area_um2", "um^2", "Area."}}, {}};

std::size_t n_ranges(const RunLayout& layout) {
  const std::filesystem::directory_iterator files(layout.ranges_dir());
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(RetryFailed, ForgetsTheRangesWithFailedTilesAndWhatWasMadeOfThem) {
  const TempFolder folder;
  const RunLayout layout(folder.path() / "run");
  testing::write_fixture(layout.root(), FixtureStage::kFinished, 1);
  std::filesystem::create_directories(layout.crashes_dir());
  std::filesystem::create_directories(layout.classified_dir());
  std::ofstream(layout.crashes_dir() / "note") << "3 0 4 11 1 77\n";
  const std::size_t before = n_ranges(layout);
  ASSERT_TRUE(std::filesystem::exists(layout.range_file(0, 0, 5))) << "with two failed tiles";

  EXPECT_EQ(retry_failed_tiles(layout, kSchema), 2U);
  EXPECT_FALSE(std::filesystem::exists(layout.range_file(0, 0, 5)));
  EXPECT_EQ(n_ranges(layout), before - 1);
  EXPECT_FALSE(std::filesystem::exists(layout.results()));
  EXPECT_FALSE(std::filesystem::exists(layout.classified_dir()));
  EXPECT_TRUE(std::filesystem::is_empty(layout.crashes_dir()));
  EXPECT_TRUE(std::filesystem::exists(layout.plan()));
  EXPECT_EQ(retry_failed_tiles(layout, kSchema), 0U) << "nothing is left to retry";
}

TEST(RetryFailed, LeavesARunWithoutFailuresAlone) {
  const TempFolder folder;
  const RunLayout layout(folder.path() / "run");
  testing::write_fixture(layout.root(), FixtureStage::kFinished, 1);
  std::filesystem::remove(layout.range_file(0, 0, 5));
  EXPECT_EQ(retry_failed_tiles(layout, kSchema), 0U);
  EXPECT_TRUE(std::filesystem::exists(layout.results()));
}

TEST(RetryFailed, OfASmallerSampleIsRefused) {
  const TempFolder folder;
  const RunLayout layout(folder.path() / "run");
  testing::write_fixture(layout.root(), FixtureStage::kFinished, 1);
  RangeResult range;
  range.generation = 7;
  range.pipeline_id = "8899aabbccddeeff";
  TileResult failed;
  failed.status = TileStatus::kFailed;
  failed.reason = "cannot be read";
  append_tile(range, {0, 0, 0}, failed);
  write_range(layout.range_file(7, 0, 0), kSchema, range);
  try {
    (void)retry_failed_tiles(layout, kSchema);
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kConfig);
    EXPECT_NE(std::string(error.what()).find("--fresh"), std::string::npos);
  }
  EXPECT_TRUE(std::filesystem::exists(layout.results())) << "nothing is removed";
}

TEST(RetryFailed, WithoutAPlanThereIsNothingToRetry) {
  const TempFolder folder;
  EXPECT_EQ(retry_failed_tiles(RunLayout(folder.path()), kSchema), 0U);
}

}  // namespace
}  // namespace tilepool
