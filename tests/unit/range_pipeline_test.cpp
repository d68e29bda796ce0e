#include "worker/range_pipeline.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <fstream>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/kernels/cpu_backend.h"
#include "common/slide/fingerprint.h"
#include "support/run_python.h"
#include "worker/job_pool.h"
#include "worker/tile_reader.h"

namespace tilepool {
namespace {

/// A slide whose pixel (x, y) is (x, y, 0) modulo 256 and that cannot be read in one column of
/// tiles.
class FakeSlide : public SlideSource {
 public:
  FakeSlide() {
    info_.width = info_.height = 1024;
    info_.levels = {{1024, 1024, 1.0}};
    info_.fingerprint = "fake";
  }
  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int /*level*/, std::int64_t x, std::int64_t y, RgbView out) override {
    check(x != 192, ErrorCode::kSlide, "column 192 is torn");
    for (std::int64_t j = 0; j < out.height; ++j)
      for (std::int64_t i = 0; i < out.width; ++i) {
        out.pixel(i, j)[0] = static_cast<std::uint8_t>(x + i);
        out.pixel(i, j)[1] = static_cast<std::uint8_t>(y + j);
        out.pixel(i, j)[2] = 0;
      }
  }

 private:
  SlideInfo info_;
};

struct Rig {
  explicit Rig(int readers, int computers, std::size_t results_bytes = kMiB) {
    options.task = TaskKind::kTileFeatures;
    options.tiles.size_px = 64;
    options.tiles.halo_px = 0;
    plan.read_threads = readers;
    plan.compute_threads = computers;
    plan.buffers = computers + 1;
    plan.results_bytes = results_bytes;
    auto made = std::make_shared<SlideContext>();
    made->slide.path = "fake";
    made->slide.fingerprint = "fake";
    made->grid = {1024, 1024, 64, 64, 0};
    made->task = make_tile_task(options, std::nan(""), {});
    context = made;
  }
  [[nodiscard]] std::vector<TileJob> jobs() const {
    std::vector<TileJob> all;
    for (std::int64_t i = 0; i < 256; ++i)
      all.push_back(
          {context, {0, i % 16 * 64, i / 16 * 64, 64, 64, 1, 0}, static_cast<std::uint64_t>(i)});
    return all;
  }
  Options options;
  MemoryPlan plan;
  Budget budget{64 * kMiB};
  CpuDevice device{budget, 0};
  SlidePool slides{
      1, [](const std::string&, std::optional<double>) { return std::make_unique<FakeSlide>(); }};
  std::shared_ptr<const SlideContext> context;
};

/// A device with memory for `fits` tiles at once, which is lost after `lives` tiles.
class FrailDevice : public ComputeDevice {
 public:
  FrailDevice(int fits, int lives) : fits_(fits), lives_(lives) {}
  [[nodiscard]] std::unique_ptr<Backend> make_backend() override {
    check(made < fits_, ErrorCode::kBudget, "the device is full");
    ++made;
    return std::make_unique<FrailBackend>(*this);
  }
  [[nodiscard]] std::shared_ptr<void> prepare(std::span<std::uint8_t> /*pixels*/) override {
    return nullptr;
  }
  [[nodiscard]] Use use() const override { return {}; }
  int made = 0;

 private:
  struct FrailBackend : CpuBackend {
    explicit FrailBackend(FrailDevice& device)
        : CpuBackend(device.none_.emplace_back(nullptr, 0)), device_(device) {}
    void begin(RgbView rgb) override {
      check(device_.lives_-- > 0, ErrorCode::kCuda, "the device fell off the bus");
      CpuBackend::begin(rgb);
    }
    FrailDevice& device_;
  };
  const int fits_;
  std::atomic<int> lives_;
  std::deque<Arena> none_;
};

/// Everything that leases yield until `leases` of them are complete.
std::vector<FinishedTiles> drain(RangePipeline& pipeline, int leases) {
  std::vector<FinishedTiles> all;
  while (leases > 0) {
    (void)pipeline.step();
    auto finished = pipeline.take_finished(false);
    if (!finished) {
      std::this_thread::yield();
      continue;
    }
    leases -= finished->lease_complete ? 1 : 0;
    all.push_back(std::move(*finished));
  }
  return all;
}

struct Threads {
  int readers, computers;
};
class PipelineThreads : public ::testing::TestWithParam<Threads> {};

TEST_P(PipelineThreads, EachTileOnceInOrderAndTornOnesFailAlone) {
  Rig rig(GetParam().readers, GetParam().computers);
  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, rig.device);
  pipeline.submit(7, rig.jobs());
  std::uint64_t next = 0;
  for (const FinishedTiles& finished : drain(pipeline, 1)) {
    EXPECT_EQ(finished.lease, 7U);
    for (std::size_t i = 0; i < finished.jobs.size(); ++i) {
      EXPECT_EQ(finished.jobs[i].sample_index, next++);
      const bool torn = finished.jobs[i].tile.x == 192;
      const TileResult& result = finished.results[i];
      ASSERT_EQ(result.status, torn ? TileStatus::kFailed : TileStatus::kDone);
      if (torn) {
        EXPECT_EQ(result.reason, "column 192 is torn");
        EXPECT_TRUE(std::isnan(result.tile_features[0]));
      } else {  // mean of x over the tile
        const auto first = static_cast<float>(finished.jobs[i].tile.x % 256);
        EXPECT_FLOAT_EQ(result.tile_features[0], first + 31.5F);
      }
    }
  }
  EXPECT_EQ(next, 256U);
  EXPECT_EQ(pipeline.counters().tiles, 256U);
}
INSTANTIATE_TEST_SUITE_P(Counts, PipelineThreads,
                         ::testing::Values(Threads{0, 1}, Threads{1, 1}, Threads{2, 3},
                                           Threads{4, 2}));

TEST(RangePipeline, ResultsBeyondTheirShareMakeReadingWaitAndNothingStops) {
  Rig rig(2, 2, 2 * sizeof(TileResult));
  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, rig.device);
  pipeline.submit(1, rig.jobs());
  pipeline.submit(2, rig.jobs());
  std::size_t tiles = 0;
  for (const FinishedTiles& finished : drain(pipeline, 2)) tiles += finished.jobs.size();
  EXPECT_EQ(tiles, 512U);
}

TEST(RangePipeline, ACancelledLeaseYieldsNothingMoreAndOthersGoOn) {
  Rig rig(2, 2);
  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, rig.device);
  pipeline.submit(1, rig.jobs());
  pipeline.submit(2, rig.jobs());
  pipeline.cancel(1);
  for (const FinishedTiles& finished : drain(pipeline, 1)) EXPECT_EQ(finished.lease, 2U);
}

TEST(RangePipeline, ATrimmedLeaseEndsEarlierAndIsComplete) {
  Rig rig(2, 2);
  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, rig.device);
  pipeline.submit(1, rig.jobs());
  pipeline.trim(1, 100);
  std::size_t tiles = 0;
  for (const FinishedTiles& finished : drain(pipeline, 1)) tiles += finished.jobs.size();
  EXPECT_EQ(tiles, 100U);
}

TEST(RangePipeline, TrimmingWhatWasTakenAlreadyCompletesTheLease) {
  Rig rig(0, 1);
  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, rig.device);
  pipeline.submit(1, rig.jobs());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(pipeline.step());
  const auto front = pipeline.take_finished(true);
  ASSERT_TRUE(front);
  EXPECT_EQ(front->jobs.size(), 10U);
  EXPECT_FALSE(front->lease_complete);
  pipeline.trim(1, 5);
  const auto rest = pipeline.take_finished(false);
  ASSERT_TRUE(rest);
  EXPECT_TRUE(rest->lease_complete);
  EXPECT_TRUE(rest->jobs.empty());
}

TEST(RangePipeline, StoppedItFinishesWhatIsInWorkAndNoMore) {
  Rig rig(2, 2);
  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, rig.device);
  pipeline.submit(1, rig.jobs());
  while (pipeline.counters().tiles == 0) std::this_thread::yield();
  pipeline.stop();
  while (!pipeline.quiet()) std::this_thread::yield();
  const std::uint64_t done = pipeline.counters().tiles;
  std::size_t taken = 0;
  while (const auto finished = pipeline.take_finished(true)) taken += finished->jobs.size();
  EXPECT_LE(taken, done);
  EXPECT_GT(done, 0U);
}

TEST(RangePipeline, GivesItsMemoryBack) {
  Rig rig(2, 2);
  {
    RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, rig.device);
    pipeline.submit(1, rig.jobs());
    EXPECT_GT(rig.budget.used_bytes(), 0U);
  }
  EXPECT_EQ(rig.budget.used_bytes(), 0U);
}

class PoolThreads : public ::testing::TestWithParam<int> {};

TEST_P(PoolThreads, CompletionsRunInThePollingThread) {
  JobPool pool(GetParam());
  const auto here = std::this_thread::get_id();
  std::set<int> done;
  for (int i = 0; i < 50; ++i)
    pool.submit(static_cast<std::uint64_t>(i), [&done, here, i] {
      return [&done, here, i] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        done.insert(i);
      };
    });
  while (done.size() < 50)
    if (!pool.poll()) std::this_thread::yield();
  EXPECT_FALSE(pool.poll());
}
INSTANTIATE_TEST_SUITE_P(Counts, PoolThreads, ::testing::Values(0, 1, 3));

TEST(JobPool, TellsWhichJobsItDropped) {
  JobPool pool(0);
  for (std::uint64_t i = 3; i < 6; ++i)
    pool.submit(i, [] { return [] { FAIL() << "a dropped job ran"; }; });
  EXPECT_EQ(pool.drop_waiting(), (std::vector<std::uint64_t>{3, 4, 5}));
  EXPECT_FALSE(pool.poll());
}

TEST(RangePipeline, ADeviceWithRoomForFewerTilesComputesFewerAtOnce) {
  Rig rig(2, 4);
  FrailDevice device(2, 1000);
  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, device);
  EXPECT_EQ(device.made, 2);
  pipeline.submit(7, rig.jobs());
  std::size_t tiles = 0;
  for (const FinishedTiles& finished : drain(pipeline, 1)) tiles += finished.jobs.size();
  EXPECT_EQ(tiles, 256U);
  FrailDevice full(0, 1000);
  EXPECT_THROW(RangePipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, full), Error);
}

TEST(RangePipeline, ALostDeviceLeavesItsTilesUndone) {
  for (const int readers : {0, 2}) {
    Rig rig(readers, readers == 0 ? 1 : 3);
    FrailDevice device(8, 20);
    RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, rig.slides, device);
    pipeline.submit(7, rig.jobs());
    for (int i = 0; i < 5000 && !(pipeline.device_error() && pipeline.quiet()); ++i)
      if (!pipeline.step()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_TRUE(pipeline.device_error());
    EXPECT_NE(pipeline.device_error()->find("fell off the bus"), std::string::npos);
    std::size_t done = 0;
    while (const auto finished = pipeline.take_finished(true))
      for (const TileResult& result : finished->results)
        done += result.status == TileStatus::kDone ? 1 : 0;
    EXPECT_LE(done, 20U) << "the tiles that it computed, if they are at the front";
    EXPECT_GT(pipeline.counters().tiles, 0U);
  }
}

/// The copy on this node's disk is torn throughout, the slide is not.
TEST(RangePipelineStaged, ACopyThatFailsCostsNothingAndIsReadNoMore) {
  const testing::TempFolder folder;
  const std::string original = (folder.path() / "slide.svs").string();
  std::ofstream(original) << "pixels";
  struct TornSlide : FakeSlide {
    void read(int /*level*/, std::int64_t /*x*/, std::int64_t /*y*/, RgbView /*out*/) override {
      fail(ErrorCode::kSlide, "the disk is torn");
    }
  };
  int copies_opened = 0;
  Rig rig(0, 1);
  SlidePool pool{
      2, [&](const std::string& path, std::optional<double>) -> std::unique_ptr<SlideSource> {
        if (path == original) return std::make_unique<FakeSlide>();
        ++copies_opened;
        return std::make_unique<TornSlide>();
      }};
  auto context = std::make_shared<SlideContext>();
  context->slide.path = original;
  context->slide.fingerprint = "fake";
  context->grid = {1024, 1024, 64, 64, 0};
  context->task = make_tile_task(rig.options, std::nan(""), {});
  rig.context = context;
  StagedSlides staged(folder.path(), 1, std::nullopt, rig.budget, pool);
  staged.want(original, slide_fingerprint(original), context);
  while (staged.path_of(original) == original) std::this_thread::yield();

  RangePipeline pipeline(rig.options, rig.plan, 0, rig.budget, pool, rig.device, &staged);
  pipeline.submit(1, rig.jobs());
  for (const FinishedTiles& finished : drain(pipeline, 1))
    for (std::size_t i = 0; i < finished.jobs.size(); ++i)
      EXPECT_EQ(finished.results[i].status == TileStatus::kFailed, finished.jobs[i].tile.x == 192);
  EXPECT_EQ(copies_opened, 1);
  EXPECT_EQ(staged.path_of(original), original);
}

}  // namespace
}  // namespace tilepool
