#include "master/scheduler.h"

#include <algorithm>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {

using Kind = SchedulerAction::Kind;

Scheduler::Scheduler(const SchedulerOptions& options, const std::vector<WorkInterval>& pending)
    : options_(options), next_lease_(options.first_lease) {
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

// How many indices the worker would finish before the deadline besides those that it holds. Until
// the first index is done nobody knows how long one takes: then there is no limit but the deadline.
std::uint64_t Scheduler::most_before_deadline(const Worker& worker, double now) const {
  const double left_s = options_.deadline_s - now;
  if (left_s <= 0) return 0;
  if (committed_ == 0 || busy_s_ <= 0) return options_.max_range;
  const double fit = left_s / (busy_s_ / static_cast<double>(committed_));
  if (fit >= 1e9) return options_.max_range;
  std::uint64_t held = 0;
  for (const std::uint64_t id : worker.leases) {
    const Lease& lease = leases_.at(id);
    if (lease.stale) continue;
    const WorkInterval& interval = tasks_.at(lease.task).interval;
    held += interval.last - interval.first;
  }
  const auto whole = static_cast<std::uint64_t>(fit);
  return whole > held ? whole - held : 0;
}

// The next piece of work for a worker: where its last one ended, else out of the largest stretch,
// in its middle when another worker is on the way through it.
WorkInterval Scheduler::take_chunk(Worker& worker, std::uint64_t most) {
  const std::uint64_t share =
      ceil_div(pending_count_, 2 * static_cast<std::uint64_t>(std::max(1, live_)));
  const std::uint64_t size =
      std::clamp<std::uint64_t>(share, 1, std::min(most, options_.max_range));
  const bool continues = pending_.contains(worker.cursor);
  WorkInterval whole = pop_pending(continues ? worker.cursor : by_size_.begin()->second);
  const std::uint64_t length = whole.last - whole.first;
  if (!continues && cursors_.contains(whole.first) && length >= 2 * size) {
    const std::uint64_t middle = whole.first + length / 2;
    push_pending({whole.first, middle, whole.attempts, whole.kills});
    whole.first = middle;
  }
  const WorkInterval chunk{whole.first, std::min(whole.last, whole.first + size), whole.attempts,
                           whole.kills};
  if (chunk.last < whole.last) push_pending({chunk.last, whole.last, whole.attempts, whole.kills});
  move_cursor(worker, chunk.last);
  return chunk;
}

// Indices at the back of a task with one lease that its worker need not have begun.
std::uint64_t Scheduler::not_begun(const Task& task) const {
  const std::uint64_t front =
      std::max(task.interval.first + 1, leases_.at(task.leases.front()).begun);
  return task.interval.last - std::min(front, task.interval.last);
}

void Scheduler::track_single(std::uint64_t task_id) {
  const Task& task = tasks_.at(task_id);
  if (task.leases.size() != 1) return;
  // A suspect is not given to a second worker while it may be killing the first.
  if (task.interval.attempts > 0 || task.interval.kills > 0) return;
  const double key = leases_.at(task.leases.front()).started;
  (not_begun(task) > 0 ? several_ : single_).insert({key, task_id});
  tracked_[task_id] = key;
}

void Scheduler::untrack(std::uint64_t task_id) {
  const auto found = tracked_.find(task_id);
  if (found == tracked_.end()) return;
  single_.erase({found->second, task_id});
  several_.erase({found->second, task_id});
  tracked_.erase(found);
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
  if (worker.alive && worker.leases.empty())
    idle_.insert(worker_id);
  else
    idle_.erase(worker_id);
}

void Scheduler::assign(int worker_id, std::uint64_t task_id, double now) {
  Worker& worker = workers_.at(worker_id);
  Task& task = tasks_.at(task_id);
  const std::uint64_t id = next_lease_++;
  leases_[id] = {worker_id,           task_id, task.interval.last,
                 task.interval.first, false,   options_.sequential ? kQueued : now};
  untrack(task_id);
  task.leases.push_back(id);
  if (worker.leases.empty()) worker.last_progress = now;
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
      const std::uint64_t most = most_before_deadline(workers_.at(id), now);
      if (most == 0) continue;
      const WorkInterval chunk = take_chunk(workers_.at(id), most);
      const std::uint64_t task = next_task_++;
      tasks_[task] = {chunk, {}};
      running_count_ += chunk.last - chunk.first;
      assign(id, task, now);
      progress = true;
    }
  }
  if (!pending_.empty()) return;
  while (!idle_.empty() && help_slowest(*idle_.begin(), now)) {
  }
}

// Nothing is pending any more. What waits in a queue or began longest ago is helped first.
bool Scheduler::help_slowest(int worker_id, double now) {
  if (most_before_deadline(workers_.at(worker_id), now) == 0) return false;
  if (!several_.empty()) {
    take_back(worker_id, several_.begin()->second, now);
    return true;
  }
  if (single_.empty()) return false;
  const auto [started, task_id] = *single_.begin();
  const WorkInterval& slow = tasks_.at(task_id).interval;
  const double expected_s = committed_ == 0 ? 0
                                            : busy_s_ / static_cast<double>(committed_) *
                                                  static_cast<double>(slow.last - slow.first);
  if (started != kQueued &&
      (committed_ == 0 ||
       now - started <= std::max(options_.repeat_after_s, options_.straggler_factor * expected_s)))
    return false;
  assign(worker_id, task_id, now);
  return true;
}

// The last indices of a task become a task of their own; at most half of it, and so few that all
// workers find something.
void Scheduler::take_back(int worker_id, std::uint64_t task_id, double now) {
  WorkInterval& whole = tasks_.at(task_id).interval;
  const std::uint64_t fair =
      ceil_div(running_count_, 2 * static_cast<std::uint64_t>(std::max(1, live_)));
  const std::uint64_t size =
      std::clamp<std::uint64_t>(fair, 1, ceil_div<std::uint64_t>(not_begun(tasks_.at(task_id)), 2));
  untrack(task_id);
  whole.last -= size;
  const std::uint64_t lease = tasks_.at(task_id).leases.front();
  actions_.push_back({Kind::kTrim, leases_.at(lease).worker, lease, whole.first, whole.last, {}});
  const std::uint64_t taken = next_task_++;
  tasks_[taken] = {{whole.last, whole.last + size, whole.attempts, whole.kills}, {}};
  track_single(task_id);
  assign(worker_id, taken, now);
}

void Scheduler::add_worker(int worker, int capacity, double now) {
  check(!workers_.contains(worker), ErrorCode::kProtocol, "worker {} joined twice", worker);
  Worker& added = workers_[worker];
  added.capacity = capacity;
  added.last_heard = added.last_progress = now;
  ++live_;
  update_hunger(worker);
  fill(now);
}

void Scheduler::on_heard(int worker, double now) {
  const auto found = workers_.find(worker);
  if (found != workers_.end()) found->second.last_heard = now;
}

void Scheduler::on_progress(int worker, double now) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  found->second.last_heard = now;
  found->second.last_progress = now;
}

void Scheduler::on_begun(int worker_id, std::uint64_t lease_id, std::uint64_t next) {
  const auto found = workers_.find(worker_id);
  if (found == workers_.end() || !found->second.alive) return;
  const auto& held = found->second.leases;
  if (std::find(held.begin(), held.end(), lease_id) == held.end()) return;
  for (const std::uint64_t id : held) {
    Lease& lease = leases_.at(id);
    const std::uint64_t begun = id == lease_id ? next : lease.last;
    if (begun > lease.begun) {
      lease.begun = begun;
      if (!lease.stale) {
        untrack(lease.task);
        track_single(lease.task);
      }
    }
    if (id == lease_id) return;
  }
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

// The task is durable: whoever still works on it may drop it. `done_lease` needs no telling.
void Scheduler::complete(std::uint64_t task_id, std::uint64_t done_lease, double now) {
  untrack(task_id);
  const Task task = tasks_.at(task_id);
  tasks_.erase(task_id);
  running_count_ -= task.interval.last - task.interval.first;
  for (const std::uint64_t other : task.leases) {
    Lease& lease = leases_.at(other);
    lease.stale = true;
    if (other != done_lease)
      actions_.push_back(
          {Kind::kCancel, lease.worker, other, task.interval.first, task.interval.last, {}});
  }
  fill(now);
}

void Scheduler::on_committed(int worker, std::uint64_t lease_id, std::uint64_t first,
                             std::uint64_t last, double now) {
  on_progress(worker, now);
  const auto found = leases_.find(lease_id);
  if (found == leases_.end() || found->second.stale || found->second.worker != worker) return;
  Lease& lease = found->second;
  Task& task = tasks_.at(lease.task);
  check(first <= task.interval.first && last <= lease.last, ErrorCode::kProtocol,
        "worker {} committed [{}, {}) of a lease on [{}, {})", worker, first, last,
        task.interval.first, lease.last);
  last = std::min(last, task.interval.last);  // others may have taken the back
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
  on_progress(worker_id, now);
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
    if (end == LeaseEnd::kFailed)
      requeue_failed(lease.task, reason, false);
    else
      push_pending(retire(lease.task));
  }
  start_front(workers_.at(worker_id), now);
  update_hunger(worker_id);
  fill(now);
}

// The task is not out any more; what it held is returned.
WorkInterval Scheduler::retire(std::uint64_t task_id) {
  untrack(task_id);
  const WorkInterval interval = tasks_.at(task_id).interval;
  tasks_.erase(task_id);
  running_count_ -= interval.last - interval.first;
  return interval;
}

void Scheduler::retry_single(const WorkInterval& interval, const std::string& reason) {
  if (interval.attempts >= options_.max_attempts || interval.kills >= options_.max_kills)
    actions_.push_back({Kind::kGiveUp, -1, 0, interval.first, interval.last, reason});
  else
    push_pending(interval);
}

// A range that failed, or whose worker died without a word, is halved; a single index is tried
// again until it failed or killed too often. A kill weighs less: it may come from outside.
void Scheduler::requeue_failed(std::uint64_t task_id, const std::string& reason, bool killed) {
  const WorkInterval whole = retire(task_id);
  if (whole.last - whole.first == 1)
    return retry_single({whole.first, whole.last, whole.attempts + (killed ? 0U : 1U),
                         whole.kills + (killed ? 1U : 0U)},
                        reason);
  const std::uint64_t middle = whole.first + (whole.last - whole.first) / 2;
  push_pending({whole.first, middle, whole.attempts, whole.kills});
  push_pending({middle, whole.last, whole.attempts, whole.kills});
}

// The culprits are known: each is tried again by itself, the rest is innocent.
void Scheduler::requeue_around(std::uint64_t task_id, const std::vector<std::uint64_t>& culprits,
                               const std::string& reason) {
  WorkInterval rest = retire(task_id);
  for (const std::uint64_t culprit : culprits) {
    if (culprit < rest.first || culprit >= rest.last) continue;
    if (rest.first < culprit) push_pending({rest.first, culprit, rest.attempts, rest.kills});
    retry_single({culprit, culprit + 1, rest.attempts + 1, rest.kills}, reason);
    rest.first = culprit + 1;
  }
  if (rest.first < rest.last) push_pending(rest);
}

void Scheduler::on_lost(int worker_id, const std::string& reason, double now,
                        const std::vector<std::uint64_t>& culprits) {
  const auto found = workers_.find(worker_id);
  if (found == workers_.end() || !found->second.alive) return;
  Worker& worker = found->second;
  worker.alive = false;
  --live_;
  move_cursor(worker, kNowhere);
  hungry_.erase(worker_id);
  idle_.erase(worker_id);
  actions_.push_back({Kind::kWriteOff, worker_id, 0, 0, 0, reason});
  std::vector<std::uint64_t> sorted = culprits;
  std::sort(sorted.begin(), sorted.end());
  const std::vector<std::uint64_t> held = worker.leases;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const Lease lease = leases_.at(held[i]);
    detach(held[i]);
    if (lease.stale || !tasks_.at(lease.task).leases.empty()) continue;
    if (!sorted.empty())
      requeue_around(lease.task, sorted, reason);
    else if (i == 0)  // the one in work is under suspicion
      requeue_failed(lease.task, reason, true);
    else
      push_pending(retire(lease.task));
  }
  fill(now);
}

std::vector<Scheduler::Overdue> Scheduler::overdue(double now) const {
  std::vector<Overdue> found;
  for (const auto& [id, worker] : workers_) {
    if (!worker.alive) continue;
    if (now - worker.last_heard > options_.silent_limit_s)
      found.push_back({id, fmt::format("was silent for {:.0f} s", now - worker.last_heard)});
    else if (!worker.leases.empty() && now - worker.last_progress > options_.stuck_limit_s)
      found.push_back(
          {id, fmt::format("made no progress for {:.0f} s", now - worker.last_progress)});
  }
  return found;
}

void Scheduler::tick(double now) {
  for (const Overdue& late : overdue(now))
    on_lost(late.worker, fmt::format("worker {} {}", late.worker, late.reason), now);
  fill(now);
}

bool Scheduler::out_of_time(double now) const {
  if (pending_.empty() || !tasks_.empty() || live_ == 0) return false;
  return std::all_of(workers_.begin(), workers_.end(), [&](const auto& worker) {
    return !worker.second.alive || most_before_deadline(worker.second, now) == 0;
  });
}

void Scheduler::stop() { stopped_ = true; }

std::vector<SchedulerAction> Scheduler::leases_of(int worker) const {
  std::vector<SchedulerAction> held;
  const auto found = workers_.find(worker);
  if (found == workers_.end() || !found->second.alive) return held;
  for (const std::uint64_t id : found->second.leases) {
    const Lease& lease = leases_.at(id);
    if (lease.stale) continue;
    const WorkInterval& interval = tasks_.at(lease.task).interval;
    held.push_back({Kind::kAssign, worker, id, interval.first, interval.last, {}});
  }
  return held;
}

std::vector<SchedulerAction> Scheduler::take_actions() {
  std::vector<SchedulerAction> taken;
  taken.swap(actions_);
  return taken;
}

}  // namespace tilepool
