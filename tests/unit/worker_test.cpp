// A worker with a master that the test plays.
#include "worker/worker.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/mpi/loopback.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::TempFolder;

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() : layout_(folder_.path() / "run") {
    std::filesystem::create_directories(layout_.scan_file("a").parent_path());
    RunDescription run;
    for (const char* id : {"a", "b"}) run.cohort.push_back({.id = id, .path = "/no/such/slide"});
    write_run_json(layout_.run_json(), run);
    WorkerSetup setup{.options = run.options, .layout = layout_};
    setup.device = grant_device({}, run.options, 1);
    setup.demand = {.limit_bytes = std::size_t{1} << 32, .rgb_bytes = 1, .scratch_bytes = 1};
    worker_ = std::make_unique<Worker>(loopback_.endpoint(1), std::move(setup));
    master().send(1, Begin{});
  }

  Channel& master() { return loopback_.endpoint(0); }
  /// What the worker answers within the next tenth of a second.
  std::vector<Finished> answers() {
    std::vector<Finished> all;
    for (int i = 0; i < 50; ++i) {
      (void)worker_->step(std::chrono::microseconds(2000));
      while (const auto message = master().receive(std::chrono::microseconds(0)))
        if (message->tag == Tag::kFinished) all.push_back(message->as<Finished>());
    }
    return all;
  }

  TempFolder folder_;
  RunLayout layout_;
  Loopback loopback_{2};
  std::unique_ptr<Worker> worker_;
};

Work scan(std::uint64_t lease, std::uint64_t slide) {
  Work work;
  work.lease = lease;
  work.first = slide;
  work.last = slide + 1;
  work.kind = WorkKind::kScan;
  return work;
}

TEST_F(WorkerTest, AnswersALeaseThatItWasToldOfTwiceOnce) {
  master().send(1, scan(1, 0));
  master().send(1, scan(1, 0));
  master().send(1, scan(2, 1));
  const std::vector<Finished> ends = answers();
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[0].lease + ends[1].lease, 3U);
  EXPECT_EQ(ends[0].end, LeaseEnd::kDone) << "a slide that is not there is a failed scan";
  EXPECT_TRUE(std::filesystem::exists(layout_.scan_file("a")));
}

TEST_F(WorkerTest, DropsWhatItIsGivenWhileStopping) {
  master().send(1, Stop{});
  master().send(1, scan(1, 0));
  const std::vector<Finished> ends = answers();
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end, LeaseEnd::kDropped);
  EXPECT_FALSE(std::filesystem::exists(layout_.scan_file("a")));
}

}  // namespace
}  // namespace tilepool
