#include "master/scheduler.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "support/scheduler_simulator.h"

namespace tilepool {
namespace {

using Kind = SchedulerAction::Kind;
using testing::simulate;
using testing::SimulatedCluster;

std::vector<SchedulerAction> of_kind(const std::vector<SchedulerAction>& actions, Kind kind) {
  std::vector<SchedulerAction> found;
  for (const auto& action : actions)
    if (action.kind == kind) found.push_back(action);
  return found;
}

/// Indices that `worker` gets when it has room for everything that is pending.
std::vector<std::pair<std::uint64_t, std::uint64_t>> all_leases(Scheduler& scheduler, int worker) {
  scheduler.add_worker(worker, 1000, 0);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> leases;
  for (const auto& action : of_kind(scheduler.take_actions(), Kind::kAssign))
    leases.emplace_back(action.first, action.last);
  std::sort(leases.begin(), leases.end());
  return leases;
}

TEST(Scheduler, GivesTwoLeasesAWorkerAndNoIndexTwice) {
  Scheduler scheduler({.max_range = 4}, {{0, 100, 0}});
  scheduler.add_worker(1, 2, 0);
  scheduler.add_worker(2, 2, 0);
  const auto actions = scheduler.take_actions();
  ASSERT_EQ(actions.size(), 4U);
  std::set<std::uint64_t> seen;
  for (const auto& action : actions)
    for (std::uint64_t i = action.first; i < action.last; ++i) EXPECT_TRUE(seen.insert(i).second);
}

TEST(Scheduler, WorkersContinueWhereTheyWereAndStartFarFromOthers) {
  Scheduler scheduler({.max_range = 4}, {{0, 1000, 0}});
  scheduler.add_worker(1, 2, 0);
  scheduler.add_worker(2, 2, 0);
  const auto actions = scheduler.take_actions();
  std::vector<SchedulerAction> one;
  std::vector<SchedulerAction> two;
  for (const auto& action : actions) (action.worker == 1 ? one : two).push_back(action);
  EXPECT_EQ(one[0].first, 0U);
  EXPECT_EQ(one[1].first, one[0].last);
  EXPECT_GT(two[0].first, 400U);
  EXPECT_EQ(two[1].first, two[0].last);
}

TEST(Scheduler, RangesShrinkTowardsTheEnd) {
  Scheduler scheduler({.max_range = 64}, {{0, 512, 0}});
  scheduler.add_worker(1, 1, 0);
  std::vector<std::uint64_t> sizes;
  double now = 0;
  for (auto actions = scheduler.take_actions(); !actions.empty();
       actions = scheduler.take_actions()) {
    ASSERT_EQ(actions.size(), 1U);
    sizes.push_back(actions[0].last - actions[0].first);
    scheduler.on_finished(1, actions[0].lease, LeaseEnd::kDone, "", now += 1);
  }
  EXPECT_TRUE(scheduler.finished());
  EXPECT_EQ(sizes.front(), 64U);
  EXPECT_EQ(sizes.back(), 1U);
  EXPECT_TRUE(std::is_sorted(sizes.rbegin(), sizes.rend()));
}

TEST(Scheduler, OnlyWhatALostWorkerDidNotCommitGoesToOthers) {
  Scheduler scheduler({.max_range = 8}, {{0, 16, 0}});
  scheduler.add_worker(1, 1, 0);
  const auto lease = scheduler.take_actions().at(0);
  ASSERT_EQ(lease.first, 0U);
  ASSERT_EQ(lease.last, 8U);
  scheduler.on_committed(1, lease.lease, 0, 5, 1);
  EXPECT_EQ(scheduler.remaining(), 11U);
  scheduler.on_lost(1, "killed", 2);
  scheduler.add_worker(2, 100, 3);
  std::vector<std::uint64_t> indices;
  for (const auto& action : of_kind(scheduler.take_actions(), Kind::kAssign))
    for (std::uint64_t i = action.first; i < action.last; ++i) indices.push_back(i);
  std::sort(indices.begin(), indices.end());
  ASSERT_EQ(indices.size(), 11U);
  EXPECT_EQ(indices.front(), 5U);
  EXPECT_EQ(indices.back(), 15U);
}

TEST(Scheduler, SilentWorkerIsWrittenOffOnce) {
  Scheduler scheduler({.max_range = 8, .silent_limit_s = 10}, {{0, 16, 0}});
  scheduler.add_worker(1, 1, 0);
  scheduler.add_worker(2, 1, 0);
  (void)scheduler.take_actions();
  scheduler.on_heard(2, 8);
  scheduler.tick(11);
  EXPECT_EQ(of_kind(scheduler.take_actions(), Kind::kWriteOff).size(), 1U);
  EXPECT_EQ(scheduler.live_workers(), 1);
  scheduler.tick(12);
  EXPECT_TRUE(of_kind(scheduler.take_actions(), Kind::kWriteOff).empty());
}

TEST(Scheduler, ALateAnswerOfAWrittenOffWorkerIsDropped) {
  Scheduler scheduler({.max_range = 16}, {{0, 4, 0}});
  scheduler.add_worker(1, 1, 0);
  const auto lease = scheduler.take_actions().at(0);
  scheduler.on_lost(1, "silent", 1);
  const std::uint64_t remaining = scheduler.remaining();
  scheduler.on_finished(1, lease.lease, LeaseEnd::kDone, "", 2);
  scheduler.on_committed(1, lease.lease, lease.first, lease.last, 2);
  EXPECT_EQ(scheduler.remaining(), remaining);
}

TEST(Scheduler, AnIdleWorkerTakesTheBackAndThenRepeatsWhatIsTooSlow) {
  Scheduler slow({.max_range = 4, .silent_limit_s = 1000}, {{0, 8, 0}});
  slow.add_worker(1, 1, 0);
  slow.add_worker(2, 1, 0);
  auto actions = slow.take_actions();
  ASSERT_EQ(actions.size(), 2U);
  const auto slow_lease = actions[0].worker == 1 ? actions[0] : actions[1];
  auto fast_lease = actions[0].worker == 2 ? actions[0] : actions[1];
  double now = 0;
  std::vector<SchedulerAction> trims;
  for (;;) {  // worker 2 does whatever it gets, one index a second; worker 1 does nothing
    now += static_cast<double>(fast_lease.last - fast_lease.first);
    slow.on_finished(2, fast_lease.lease, LeaseEnd::kDone, "", now);
    actions = slow.take_actions();
    for (const auto& trim : of_kind(actions, Kind::kTrim)) trims.push_back(trim);
    const auto next = of_kind(actions, Kind::kAssign);
    if (next.empty()) break;
    fast_lease = next[0];
  }
  ASSERT_FALSE(trims.empty());
  EXPECT_EQ(trims.back().worker, 1);
  EXPECT_EQ(trims.back().lease, slow_lease.lease);
  if (slow.finished()) {
    const auto cancelled = of_kind(actions, Kind::kCancel);
    ASSERT_EQ(cancelled.size(), 1U);
    EXPECT_EQ(cancelled[0].lease, slow_lease.lease);
  } else {
    slow.tick(now + 100);
    actions = slow.take_actions();
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].worker, 2);
    EXPECT_EQ(actions[0].first, slow_lease.first);
    EXPECT_EQ(actions[0].last, slow_lease.first + 1);
    slow.on_finished(2, actions[0].lease, LeaseEnd::kDone, "", now + 101);
    actions = slow.take_actions();
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].kind, Kind::kCancel);
    EXPECT_EQ(actions[0].lease, slow_lease.lease);
  }
  EXPECT_TRUE(slow.finished());
  EXPECT_FALSE(slow.idle());
  slow.on_finished(1, slow_lease.lease, LeaseEnd::kDropped, "", now + 102);
  EXPECT_TRUE(slow.idle());
}

TEST(Scheduler, AfterStopNothingIsHandedOut) {
  Scheduler scheduler({.max_range = 2}, {{0, 100, 0}});
  scheduler.add_worker(1, 1, 0);
  const auto lease = scheduler.take_actions().at(0);
  scheduler.stop();
  scheduler.on_finished(1, lease.lease, LeaseEnd::kDropped, "", 1);
  EXPECT_TRUE(scheduler.take_actions().empty());
  EXPECT_TRUE(scheduler.idle());
  EXPECT_FALSE(scheduler.finished());
}

TEST(Scheduler, NothingToDoIsFinishedAtOnce) {
  Scheduler scheduler({}, {});
  EXPECT_TRUE(scheduler.finished());
  scheduler.add_worker(1, 2, 0);
  EXPECT_TRUE(scheduler.take_actions().empty());
}

TEST(Scheduler, ACrashNoteSinglesTheCulpritOut) {
  Scheduler scheduler({.max_range = 16}, {{0, 16, 0}});
  scheduler.add_worker(1, 1, 0);
  ASSERT_EQ(scheduler.take_actions().at(0).last, 8U);
  scheduler.on_lost(1, "crashed", 1, {5});
  const auto leases = all_leases(scheduler, 2);
  EXPECT_NE(std::find(leases.begin(), leases.end(), std::pair<std::uint64_t, std::uint64_t>(5, 6)),
            leases.end());
}

TEST(Scheduler, ASecondCrashGivesTheIndexUpAndNothingElse) {
  Scheduler scheduler({.max_range = 4}, {{0, 4, 0}, {4, 5, 1}});
  scheduler.add_worker(1, 10, 0);
  (void)scheduler.take_actions();
  scheduler.on_lost(1, "crashed", 1, {4});
  const auto given_up = of_kind(scheduler.take_actions(), Kind::kGiveUp);
  ASSERT_EQ(given_up.size(), 1U);
  EXPECT_EQ(given_up[0].first, 4U);
  EXPECT_EQ(scheduler.remaining(), 4U);
}

TEST(Scheduler, ASuspectIsNeverWithTwoWorkers) {
  Scheduler scheduler({.max_range = 4, .silent_limit_s = 1e6}, {{0, 2, 0}, {7, 8, 1}});
  scheduler.add_worker(1, 3, 0);
  (void)scheduler.take_actions();
  scheduler.add_worker(2, 1, 0);
  for (double now = 1; now < 1000; now += 1) {
    scheduler.tick(now);
    for (const auto& action : of_kind(scheduler.take_actions(), Kind::kAssign)) {
      EXPECT_LT(action.first, 7U);
      scheduler.on_finished(2, action.lease, LeaseEnd::kDone, "", now);
    }
  }
}

TEST(Scheduler, AnIndexIsGivenUpAfterThreeSilentDeathsNotAfterTwo) {
  Scheduler scheduler({.max_range = 4}, {{7, 8, 0}});
  for (int worker = 1; worker <= 3; ++worker) {
    scheduler.add_worker(worker, 1, 0);
    EXPECT_EQ(of_kind(scheduler.take_actions(), Kind::kAssign).size(), 1U);
    scheduler.on_lost(worker, "killed", 1);
    EXPECT_EQ(of_kind(scheduler.take_actions(), Kind::kGiveUp).size(), worker == 3 ? 1U : 0U);
  }
  EXPECT_TRUE(scheduler.finished());
}

TEST(Scheduler, AWorkerWithWorkButNoProgressIsWrittenOffAnIdleOneIsNot) {
  Scheduler scheduler({.max_range = 1, .silent_limit_s = 10, .stuck_limit_s = 100}, {{0, 1, 0}});
  scheduler.add_worker(1, 1, 0);
  scheduler.add_worker(2, 1, 0);
  const int busy = scheduler.take_actions().at(0).worker;
  for (double now = 1; now < 200; now += 1) {
    scheduler.on_heard(1, now);
    scheduler.on_heard(2, now);
    if (now < 50) scheduler.on_progress(busy, now);
    const auto late = scheduler.overdue(now);
    ASSERT_EQ(late.size(), now > 149 ? 1U : 0U) << now;
    if (!late.empty()) {
      EXPECT_EQ(late[0].worker, busy);
    }
  }
}

TEST(Scheduler, NothingIsHandedOutThatCannotBeDoneInTime) {
  Scheduler scheduler({.max_range = 10, .deadline_s = 100}, {{0, 1000, 0}});
  scheduler.add_worker(1, 1, 0);
  auto lease = scheduler.take_actions().at(0);
  ASSERT_EQ(lease.last - lease.first, 10U);
  scheduler.on_finished(1, lease.lease, LeaseEnd::kDone, "", 40);  // 4 s an index
  EXPECT_FALSE(scheduler.out_of_time(40));
  lease = scheduler.take_actions().at(0);
  ASSERT_EQ(lease.last - lease.first, 10U);
  scheduler.on_finished(1, lease.lease, LeaseEnd::kDone, "", 80);
  lease = scheduler.take_actions().at(0);
  EXPECT_EQ(lease.last - lease.first, 5U);
  scheduler.on_finished(1, lease.lease, LeaseEnd::kDone, "", 98);
  EXPECT_TRUE(scheduler.take_actions().empty());
  EXPECT_TRUE(scheduler.out_of_time(98));
}

TEST(SchedulerSimulation, EveryIndexOnceOnAHealthyCluster) {
  const auto result = simulate({.workers = 16}, 5000, {.max_range = 64});
  EXPECT_TRUE(result.finished);
  EXPECT_TRUE(
      std::all_of(result.commits.begin(), result.commits.end(), [](auto n) { return n >= 1; }));
  EXPECT_TRUE(result.given_up.empty());
}

TEST(SchedulerSimulation, OnePoisonIndexCostsItselfAlone) {
  const auto result = simulate({.workers = 8, .poison = {1234, 4000}}, 5000, {.max_range = 64});
  EXPECT_TRUE(result.finished);
  EXPECT_EQ(std::set<std::uint64_t>(result.given_up.begin(), result.given_up.end()),
            (std::set<std::uint64_t>{1234, 4000}));
  for (std::uint64_t i = 0; i < 5000; ++i)
    EXPECT_EQ(result.commits[i] > 0, i != 1234 && i != 4000) << i;
}

class ClusterSeeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(ClusterSeeds, DeathsAndStragglersLoseNothing) {
  const auto result =
      simulate({.workers = 200, .dying_share = 0.1, .slow_share = 0.05, .seed = GetParam()}, 20000,
               {.max_range = 64});
  EXPECT_TRUE(result.finished);
  EXPECT_TRUE(result.given_up.empty());
  EXPECT_TRUE(
      std::all_of(result.commits.begin(), result.commits.end(), [](auto n) { return n >= 1; }));
}

// The size that the design asks for: 10,000 workers, 1,000,000 indices, 1 % dying, 5 % ten times
// slower. The tail is the time after the first worker had nothing to do.
TEST(SchedulerSimulation, ALargeClusterEndsTogether) {
  const auto result = simulate({.workers = 10000, .dying_share = 0.01, .slow_share = 0.05}, 1000000,
                               {.max_range = 64});
  EXPECT_TRUE(result.finished);
  EXPECT_TRUE(result.given_up.empty());
  EXPECT_TRUE(
      std::all_of(result.commits.begin(), result.commits.end(), [](auto n) { return n >= 1; }));
  const double tail = (result.end_s - result.first_idle_s) / result.end_s;
  RecordProperty("tail_permille", static_cast<int>(1000 * tail));
  EXPECT_LT(tail, 0.05);
}

INSTANTIATE_TEST_SUITE_P(Random, ClusterSeeds, ::testing::Range<std::uint64_t>(1, 21));

}  // namespace
}  // namespace tilepool
