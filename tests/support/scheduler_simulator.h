#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include "master/scheduler.h"

namespace tilepool::testing {

/// A cluster on paper: workers that take a random time per index, die, or are slow.
struct SimulatedCluster {
  int workers = 4;
  int leases_per_worker = 2;
  double seconds_per_index = 1.0;
  double dying_share = 0;             ///< of the workers, at a random moment of the expected run
  double slow_share = 0;              ///< of the workers, ten times slower
  std::vector<std::uint64_t> poison;  ///< indices that kill the range they are in
  std::uint64_t seed = 1;
};

struct SimulationResult {
  std::vector<std::uint32_t> commits;  ///< per index, duplicates included
  std::vector<std::uint64_t> given_up;
  double end_s = 0;
  double first_idle_s = 0;  ///< when a live worker first had nothing to do
  std::uint64_t leases = 0;
  bool finished = false;
};

/// Runs `indices` through the scheduler. Deterministic for a given seed.
inline SimulationResult simulate(const SimulatedCluster& cluster, std::uint64_t indices,
                                 SchedulerOptions options) {
  struct Event {
    double time;
    std::uint64_t order;
    int worker;
    std::uint64_t lease;  // whose index in work is done; 0: the worker dies
    bool operator>(const Event& other) const {
      return time != other.time ? time > other.time : order > other.order;
    }
  };
  struct Held {
    std::uint64_t first, last;
    std::uint64_t next;  // the index in work, once the lease is
    bool cancelled = false;
  };
  struct Node {
    double speed = 1;
    bool dead = false;
    std::uint64_t in_work = 0;
    std::vector<std::uint64_t> queue;
  };
  std::mt19937_64 random(cluster.seed);
  std::uniform_real_distribution<double> uniform(0.5, 1.5);
  std::uniform_real_distribution<double> unit(0, 1);
  SimulationResult result;
  result.commits.assign(indices, 0);
  Scheduler scheduler(options, {{0, indices, 0}});
  std::vector<Node> nodes(static_cast<std::size_t>(cluster.workers));
  std::map<std::uint64_t, Held> held;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  std::uint64_t order = 0;
  const double expected =
      static_cast<double>(indices) * cluster.seconds_per_index / cluster.workers;
  double now = 0;

  const auto work_on = [&](int worker, std::uint64_t lease) {
    const double duration =
        cluster.seconds_per_index * uniform(random) * nodes[static_cast<std::size_t>(worker)].speed;
    events.push({now + duration, order++, worker, lease});
  };
  const auto start = [&](int worker) {
    Node& node = nodes[static_cast<std::size_t>(worker)];
    if (node.dead || node.queue.empty() || node.in_work == node.queue.front()) return;
    node.in_work = node.queue.front();
    work_on(worker, node.in_work);
  };
  const auto act = [&] {
    for (const SchedulerAction& action : scheduler.take_actions()) {
      using Kind = SchedulerAction::Kind;
      if (action.kind == Kind::kGiveUp) result.given_up.push_back(action.first);
      if (action.kind == Kind::kCancel) held.at(action.lease).cancelled = true;
      if (action.kind == Kind::kTrim)
        held.at(action.lease).last = std::max(action.last, held.at(action.lease).next + 1);
      if (action.kind != Kind::kAssign) continue;
      ++result.leases;
      held[action.lease] = {action.first, action.last, action.first};
      Node& node = nodes[static_cast<std::size_t>(action.worker)];
      node.queue.push_back(action.lease);
      start(action.worker);
    }
  };
  for (int w = 0; w < cluster.workers; ++w) {
    Node& node = nodes[static_cast<std::size_t>(w)];
    if (unit(random) < cluster.slow_share) node.speed = 10;
    if (w > 0 && unit(random) < cluster.dying_share)
      events.push({unit(random) * expected, order++, w, 0});
    scheduler.add_worker(w, cluster.leases_per_worker, 0);
  }
  act();
  while (!events.empty() && !scheduler.finished()) {
    const Event event = events.top();
    events.pop();
    now = event.time;
    Node& node = nodes[static_cast<std::size_t>(event.worker)];
    if (node.dead) continue;
    if (event.lease == 0) {
      node.dead = true;
      scheduler.on_lost(event.worker, "died", now);
      act();
      continue;
    }
    Held& lease = held.at(event.lease);
    const bool poisoned =
        std::find(cluster.poison.begin(), cluster.poison.end(), lease.next) != cluster.poison.end();
    if (!poisoned && !lease.cancelled && ++lease.next < lease.last) {
      scheduler.on_begun(event.worker, event.lease, lease.next + 1);
      work_on(event.worker, event.lease);
      continue;
    }
    node.queue.erase(node.queue.begin());
    const bool done = !poisoned && lease.next == lease.last;
    if (done)
      for (std::uint64_t i = lease.first; i < lease.last; ++i) ++result.commits[i];
    scheduler.on_finished(event.worker, event.lease,
                          done       ? LeaseEnd::kDone
                          : poisoned ? LeaseEnd::kFailed
                                     : LeaseEnd::kDropped,
                          "poison", now);
    act();
    if (node.queue.empty() && result.first_idle_s == 0) result.first_idle_s = now;
    start(event.worker);
  }
  result.finished = scheduler.finished();
  result.end_s = now;
  return result;
}

}  // namespace tilepool::testing
