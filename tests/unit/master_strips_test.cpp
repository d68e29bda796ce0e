#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/model/protocol.h"
#include "common/mpi/loopback.h"
#include "common/run/scan_file.h"
#include "common/run/strip_file.h"
#include "master/master.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::TempFolder;
using Microseconds = std::chrono::microseconds;

/// A master with one worker that the test plays, over a cohort of two slides.
class MasterStrips : public ::testing::Test {
 protected:
  MasterStrips() : layout_(folder_.path()) {
    MasterSetup setup{.run = {}, .layout = layout_};
    setup.run.cohort = {{.id = "a", .path = "/a"}, {.id = "b", .path = "/b"}};
    setup.quiet = true;
    setup.limit_bytes = std::size_t{1} << 28;
    master_ = std::make_unique<Master>(loopback_.endpoint(0), std::move(setup));
    Hello hello;
    hello.threads = 3;
    hello.budget_bytes = 1;
    hello.host.set("elsewhere");
    worker().send(0, hello);
  }

  Channel& worker() { return loopback_.endpoint(1); }
  /// All work that the master hands out until it waits for an answer.
  std::vector<Work> handed_out() {
    std::vector<Work> all;
    for (int i = 0; i < 3; ++i) (void)master_->step(Microseconds(0));
    while (const auto message = worker().receive(Microseconds(0)))
      if (message->tag == Tag::kWork) all.push_back(message->as<Work>());
    return all;
  }
  void answer(const Work& work, LeaseEnd end, std::uint64_t strips = 0) {
    Finished message;
    message.lease = work.lease;
    message.end = end;
    message.error_code = static_cast<std::uint32_t>(ErrorCode::kSlide);
    message.strips = strips;
    if (end == LeaseEnd::kFailed) message.reason.set("it fell over");
    if (end == LeaseEnd::kStrips) message.fingerprint.set("0123");
    worker().send(0, message);
  }

  TempFolder folder_;
  RunLayout layout_;
  Loopback loopback_{2};
  std::unique_ptr<Master> master_;
};

TEST_F(MasterStrips, AreHandedOutOnceAndThenTheirSlideAgain) {
  const std::vector<Work> slides = handed_out();
  ASSERT_EQ(slides.size(), 2U);
  answer(slides[0], LeaseEnd::kDone);
  answer(slides[1], LeaseEnd::kStrips, 6);
  std::multiset<std::uint64_t> seen;
  std::vector<Work> strips;
  while (seen.size() < 6 && !(strips = handed_out()).empty()) {
    for (const Work& strip : strips) {
      EXPECT_EQ(strip.kind, WorkKind::kStrip);
      EXPECT_EQ(strip.last, strip.first + 1);
      seen.insert(strip.first);
      answer(strip, LeaseEnd::kDone);
    }
  }
  std::multiset<std::uint64_t> wanted;
  for (std::uint64_t i = 0; i < 6; ++i) wanted.insert(strip_index(slides[1].first, i));
  EXPECT_EQ(seen, wanted);
  const std::vector<Work> again = handed_out();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].kind, WorkKind::kScan);
  EXPECT_EQ(again[0].first, slides[1].first);
  EXPECT_EQ(master_->status().slides_scanned, 1U) << "the slide in strips is not scanned yet";
}

TEST_F(MasterStrips, OneThatFailsTwiceIsGivenUpForItself) {
  for (const Work& slide : handed_out())
    answer(slide, slide.first == 0 ? LeaseEnd::kStrips : LeaseEnd::kDone, 4);
  std::map<std::uint64_t, int> tries;
  std::vector<Work> work = handed_out();
  for (; !work.empty() && work[0].kind == WorkKind::kStrip; work = handed_out()) {
    for (const Work& strip : work) {
      ++tries[strip.first];
      answer(strip, strip.first == strip_index(0, 2) ? LeaseEnd::kFailed : LeaseEnd::kDone);
    }
  }
  EXPECT_EQ(tries, (std::map<std::uint64_t, int>{{0, 1}, {1, 1}, {2, 2}, {3, 1}}));
  ASSERT_EQ(work.size(), 1U);
  EXPECT_EQ(work[0].kind, WorkKind::kScan);
  std::vector<std::uint8_t> pixels(3 * 2 * 2);
  const RgbView out{pixels.data(), 2, 2, 6};
  const auto given_up = read_strip(layout_.scan_strip("a", 2), {"0123", 2, 4}, out);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->reason, "it fell over");
  EXPECT_EQ(given_up->parts, (std::vector<Rect>{{0, 0, 2, 2}}));
  EXPECT_EQ(pixels, std::vector<std::uint8_t>(pixels.size(), 255));
}

TEST_F(MasterStrips, ASlideWhoseStripsNeverFitFailsInTheEnd) {
  int rounds = 0;
  for (std::vector<Work> work = handed_out(); !work.empty() && rounds < 100; work = handed_out())
    for (const Work& one : work) {
      const bool cut = one.kind == WorkKind::kScan && one.first == 1;
      rounds += cut ? 1 : 0;
      answer(one, cut ? LeaseEnd::kStrips : LeaseEnd::kDone, 3);
      if (one.kind == WorkKind::kScan && !cut)
        write_scan(layout_.scan_file("a"), {.slide_id = "a", .failed = true, .reason = "no"}, {});
    }
  EXPECT_EQ(rounds, 3);
  Budget budget(1 << 20);
  const SlideScan scan = read_scan(layout_.scan_file("b"), {}, budget);
  EXPECT_TRUE(scan.failed);
  EXPECT_NE(scan.reason.find("does the slide change while it is read"), std::string::npos);
}

}  // namespace
}  // namespace tilepool
