#include "master/scheduler.h"

#include <algorithm>

#include "common/base/checked.h"

namespace tilepool {

using Kind = SchedulerAction::Kind;

Scheduler::Scheduler(const SchedulerOptions& options, const std::vector<WorkInterval>& pending)
    : options_(options) {
  for (const WorkInterval& interval : pending)
    if (interval.first < interval.last) push_pending(interval);
}

void Scheduler::push_pending(const WorkInterval& interval) {
  pending_[interval.first] = interval;
  by_size_.insert({interval.last - interval.first, interval.first});
  pending_count_ += interval.last - interval.first;
}

WorkInterval Scheduler::pop_pending(std::uint64_t first) {
  const auto found = pending_.find(first);
  const WorkInterval interval = found->second;
  pending_.erase(found);
  by_size_.erase({interval.last - interval.first, interval.first});
  pending_count_ -= interval.last - interval.first;
  return interval;
}

void Scheduler::move_cursor(Worker& worker, std::uint64_t to) {
  if (worker.cursor != kNowhere) {
    const auto found = cursors_.find(worker.cursor);
    if (--found->second == 0) cursors_.erase(found);
  }
  worker.cursor = to;
  if (to != kNowhere) ++cursors_[to];
}

// The next piece of work for a worker: where its last one ended, else out of the largest stretch,
// in its middle when another worker is on the way through it.
WorkInterval Scheduler::take_chunk(Worker& worker) {
  const std::uint64_t share =
      ceil_div(pending_count_, 2 * static_cast<std::uint64_t>(std::max(1, live_)));
  const std::uint64_t size = std::clamp<std::uint64_t>(share, 1, options_.max_range);
  const bool continues = pending_.contains(worker.cursor);
  WorkInterval whole = pop_pending(continues ? worker.cursor : by_size_.begin()->second);
  const std::uint64_t length = whole.last - whole.first;
  if (!continues && cursors_.contains(whole.first) && length >= 2 * size) {
    const std::uint64_t middle = whole.first + length / 2;
    push_pending({whole.first, middle, whole.attempts});
    whole.first = middle;
  }
  const WorkInterval chunk{whole.first, std::min(whole.last, whole.first + size), whole.attempts};
  if (chunk.last < whole.last) push_pending({chunk.last, whole.last, whole.attempts});
  move_cursor(worker, chunk.last);
  return chunk;
}

void Scheduler::track_single(std::uint64_t task_id) {
  const Task& task = tasks_.at(task_id);
  if (task.leases.size() != 1) return;
  const double key = leases_.at(task.leases.front()).started;
  single_.insert({key, task_id});
  single_key_[task_id] = key;
}

void Scheduler::untrack(std::uint64_t task_id) {
  const auto found = single_key_.find(task_id);
  if (found == single_key_.end()) return;
  single_.erase({found->second, task_id});
  single_key_.erase(found);
}

void Scheduler::start_front(Worker& worker, double now) {
  if (worker.leases.empty()) return;
  Lease& lease = leases_.at(worker.leases.front());
  if (lease.started != kQueued) return;
  lease.started = now;
  if (lease.stale) return;
  untrack(lease.task);
  track_single(lease.task);
}

void Scheduler::update_hunger(int worker_id) {
  const Worker& worker = workers_.at(worker_id);
  if (worker.alive && worker.leases.size() < static_cast<std::size_t>(worker.capacity))
    hungry_.insert(worker_id);
  else
    hungry_.erase(worker_id);
}

void Scheduler::assign(int worker_id, std::uint64_t task_id, double now) {
  Worker& worker = workers_.at(worker_id);
  Task& task = tasks_.at(task_id);
  const std::uint64_t id = next_lease_++;
  leases_[id] = {worker_id, task_id, false, options_.sequential ? kQueued : now};
  untrack(task_id);
  task.leases.push_back(id);
  worker.leases.push_back(id);
  track_single(task_id);
  start_front(worker, now);
  actions_.push_back({Kind::kAssign, worker_id, id, task.interval.first, task.interval.last, {}});
  update_hunger(worker_id);
}

// Every hungry worker gets one lease a round, so that none goes without while another has two.
void Scheduler::fill(double now) {
  if (stopped_) return;
  bool progress = true;
  while (progress && !pending_.empty() && !hungry_.empty()) {
    progress = false;
    const std::vector<int> round(hungry_.begin(), hungry_.end());
    for (const int id : round) {
      if (pending_.empty()) break;
      const WorkInterval chunk = take_chunk(workers_.at(id));
      const std::uint64_t task = next_task_++;
      tasks_[task] = {chunk, {}};
      running_count_ += chunk.last - chunk.first;
      assign(id, task, now);
      progress = true;
    }
  }
  if (!pending_.empty()) return;
  const std::vector<int> idle(hungry_.begin(), hungry_.end());
  for (const int id : idle)
    if (workers_.at(id).leases.empty() && !repeat_slowest(id, now)) break;
}

bool Scheduler::repeat_slowest(int worker_id, double now) {
  const double mean_s = committed_ == 0 ? 0 : busy_s_ / static_cast<double>(committed_);
  for (const auto& [started, task_id] : single_) {
    const Task& task = tasks_.at(task_id);
    if (leases_.at(task.leases.front()).worker == worker_id) continue;
    const auto length = static_cast<double>(task.interval.last - task.interval.first);
    const bool queued = started == kQueued;
    if (!queued &&
        (committed_ == 0 || now - started <= options_.straggler_factor * mean_s * length))
      return false;
    assign(worker_id, task_id, now);
    return true;
  }
  return false;
}

void Scheduler::add_worker(int worker, int capacity, double now) {
  check(!workers_.contains(worker), ErrorCode::kProtocol, "worker {} joined twice", worker);
  Worker& added = workers_[worker];
  added.capacity = capacity;
  added.last_heard = now;
  ++live_;
  update_hunger(worker);
  fill(now);
}

void Scheduler::on_heard(int worker, double now) {
  const auto found = workers_.find(worker);
  if (found != workers_.end()) found->second.last_heard = now;
}

// Takes the lease off its worker and its task.
void Scheduler::detach(std::uint64_t lease_id) {
  const Lease lease = leases_.at(lease_id);
  std::erase(workers_.at(lease.worker).leases, lease_id);
  if (!lease.stale) {
    untrack(lease.task);
    std::erase(tasks_.at(lease.task).leases, lease_id);
    track_single(lease.task);
  }
  leases_.erase(lease_id);
}

// The task is durable: whoever else works on it may drop it.
void Scheduler::complete(std::uint64_t task_id, std::uint64_t by_lease, double now) {
  untrack(task_id);
  const Task task = tasks_.at(task_id);
  tasks_.erase(task_id);
  running_count_ -= task.interval.last - task.interval.first;
  for (const std::uint64_t other : task.leases) {
    Lease& lease = leases_.at(other);
    lease.stale = true;
    if (other != by_lease)
      actions_.push_back(
          {Kind::kCancel, lease.worker, other, task.interval.first, task.interval.last, {}});
  }
  fill(now);
}

void Scheduler::on_committed(int worker, std::uint64_t lease_id, std::uint64_t first,
                             std::uint64_t last, double now) {
  on_heard(worker, now);
  const auto found = leases_.find(lease_id);
  if (found == leases_.end() || found->second.stale || found->second.worker != worker) return;
  Lease& lease = found->second;
  Task& task = tasks_.at(lease.task);
  check(first <= task.interval.first && last <= task.interval.last, ErrorCode::kProtocol,
        "worker {} committed [{}, {}) of a lease on [{}, {})", worker, first, last,
        task.interval.first, task.interval.last);
  if (last <= task.interval.first) return;
  const std::uint64_t advanced = last - task.interval.first;
  busy_s_ += now - lease.started;
  committed_ += advanced;
  running_count_ -= advanced;
  task.interval.first = last;
  untrack(lease.task);
  lease.started = now;
  track_single(lease.task);
  if (task.interval.first == task.interval.last) complete(lease.task, lease_id, now);
}

void Scheduler::on_finished(int worker_id, std::uint64_t lease_id, LeaseEnd end,
                            const std::string& reason, double now) {
  on_heard(worker_id, now);
  const auto found = leases_.find(lease_id);
  if (found == leases_.end() || found->second.worker != worker_id) return;
  const Lease lease = found->second;
  const bool done = end == LeaseEnd::kDone || end == LeaseEnd::kChanged;
  if (done && !lease.stale) {
    const WorkInterval& interval = tasks_.at(lease.task).interval;
    busy_s_ += now - lease.started;
    committed_ += interval.last - interval.first;
    complete(lease.task, lease_id, now);
  }
  detach(lease_id);
  if (!done && !lease.stale && tasks_.at(lease.task).leases.empty()) {
    if (end == LeaseEnd::kFailed) {
      requeue_failed(lease.task, reason);
    } else {
      const WorkInterval interval = tasks_.at(lease.task).interval;
      running_count_ -= interval.last - interval.first;
      tasks_.erase(lease.task);
      push_pending(interval);
    }
  }
  start_front(workers_.at(worker_id), now);
  update_hunger(worker_id);
  fill(now);
}

// A range that failed is halved; a single index that failed too often is given up.
void Scheduler::requeue_failed(std::uint64_t task_id, const std::string& reason) {
  untrack(task_id);
  const WorkInterval interval = tasks_.at(task_id).interval;
  const std::uint64_t length = interval.last - interval.first;
  tasks_.erase(task_id);
  running_count_ -= length;
  if (length > 1) {
    const std::uint64_t middle = interval.first + length / 2;
    push_pending({interval.first, middle, interval.attempts});
    push_pending({middle, interval.last, interval.attempts});
  } else if (interval.attempts + 1 >= options_.max_attempts) {
    actions_.push_back({Kind::kGiveUp, -1, 0, interval.first, interval.last, reason});
  } else {
    push_pending({interval.first, interval.last, interval.attempts + 1});
  }
}

void Scheduler::on_lost(int worker_id, const std::string& reason, double now) {
  const auto found = workers_.find(worker_id);
  if (found == workers_.end() || !found->second.alive) return;
  Worker& worker = found->second;
  worker.alive = false;
  --live_;
  move_cursor(worker, kNowhere);
  hungry_.erase(worker_id);
  actions_.push_back({Kind::kWriteOff, worker_id, 0, 0, 0, reason});
  const std::vector<std::uint64_t> held = worker.leases;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const Lease lease = leases_.at(held[i]);
    detach(held[i]);
    if (lease.stale || !tasks_.at(lease.task).leases.empty()) continue;
    if (i == 0) {  // the one in work is under suspicion
      requeue_failed(lease.task, reason);
    } else {
      const WorkInterval interval = tasks_.at(lease.task).interval;
      running_count_ -= interval.last - interval.first;
      tasks_.erase(lease.task);
      push_pending(interval);
    }
  }
  fill(now);
}

void Scheduler::tick(double now) {
  std::vector<int> silent;
  for (const auto& [id, worker] : workers_)
    if (worker.alive && now - worker.last_heard > options_.silent_limit_s) silent.push_back(id);
  for (const int id : silent)
    on_lost(id,
            fmt::format("worker {} was silent for {:.0f} s", id, now - workers_.at(id).last_heard),
            now);
  fill(now);
}

void Scheduler::stop() { stopped_ = true; }

std::vector<SchedulerAction> Scheduler::take_actions() {
  std::vector<SchedulerAction> taken;
  taken.swap(actions_);
  return taken;
}

}  // namespace tilepool
