// What does the master spend on one range, and how much memory does its scheduler take, with 10,000
// workers and 1,000,000 sample entries, 1 % of the workers dying and 5 % ten times slower? How long
// is the tail?
//   build/release/bin/scheduler_bench
// Last result: docs/performance.md.
#include <chrono>
#include <deque>

#include <fmt/core.h>

#include "common/base/system.h"
#include "support/scheduler_simulator.h"

int main() {
  using namespace tilepool;
  using Clock = std::chrono::steady_clock;
  constexpr int kWorkers = 10000;
  constexpr std::uint64_t kIndices = 1000000;

  const std::size_t before = rss_bytes();
  Scheduler scheduler({.max_range = 64}, {{0, kIndices, 0}});
  std::deque<SchedulerAction> out;
  std::uint64_t leases = 0;
  const auto begin = Clock::now();
  double now = 0;
  const auto take = [&] {
    for (SchedulerAction& action : scheduler.take_actions()) {
      if (action.kind != SchedulerAction::Kind::kAssign) continue;
      ++leases;
      out.push_back(std::move(action));
    }
  };
  for (int worker = 1; worker <= kWorkers; ++worker) scheduler.add_worker(worker, 2, now);
  take();
  const std::size_t held = rss_bytes() - before;
  while (!out.empty()) {
    const SchedulerAction lease = out.front();
    out.pop_front();
    scheduler.on_heard(lease.worker, now += 1e-4);
    scheduler.on_committed(lease.worker, lease.lease, lease.first, lease.last, now);
    scheduler.on_finished(lease.worker, lease.lease, LeaseEnd::kDone, "", now);
    take();
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("scheduler: {} leases, {:.2f} us a lease, {:.1f} MB with {} workers\n", leases,
             1e6 * seconds / static_cast<double>(leases), static_cast<double>(held) / 1e6,
             kWorkers);

  const auto result = testing::simulate(
      {.workers = kWorkers, .dying_share = 0.01, .slow_share = 0.05}, kIndices, {.max_range = 64});
  fmt::print("simulated: end {:.1f} s, first idle worker {:.1f} s, tail {:.2f} %, {} leases\n",
             result.end_s, result.first_idle_s,
             100 * (result.end_s - result.first_idle_s) / result.end_s, result.leases);
  return result.finished ? 0 : 1;
}
