#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/model/protocol.h"

namespace tilepool {

/// Consecutive work indices [first, last): slides while scanning, sample entries while processing.
struct WorkInterval {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint32_t attempts = 0;  ///< times that it failed, or crashed its worker, as a single index
  std::uint32_t kills = 0;     ///< times that a worker was lost with it as its only suspect
};

struct SchedulerOptions {
  std::uint64_t first_lease = 1;   ///< number of the first lease; no two of a run may be equal
  std::uint64_t max_range = 64;    ///< most indices in one lease
  double silent_limit_s = 60;      ///< a worker not heard of for this long is written off
  double stuck_limit_s = 1e9;      ///< so is one that has work and made no progress for this long
  double deadline_s = 1e300;       ///< nothing is handed out that would not be done by then
  double straggler_factor = 2.0;   ///< a lease this many times slower than the mean is repeated
  double repeat_after_s = 0;       ///< and not before it has been in work for this long
  std::uint32_t max_attempts = 2;  ///< a single index that failed this often is given up
  std::uint32_t max_kills = 3;     ///< so is one with which this many workers were lost
  bool sequential = true;  ///< a worker takes its leases one after the other; false: all at once
};

/// What the driver of the scheduler has to do.
struct SchedulerAction {
  enum class Kind {
    kAssign,    ///< send the lease to the worker
    kCancel,    ///< tell the worker to drop the lease: another one was faster
    kTrim,      ///< tell the worker that its lease ends at `last`: another one does the rest
    kWriteOff,  ///< the worker is lost: never send to it again
    kGiveUp,    ///< index `first` failed for good: record it as failed with `reason`
  };
  Kind kind = Kind::kAssign;
  int worker = -1;
  std::uint64_t lease = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string reason;
};

/// Hands out a set of work indices to workers so that each is committed exactly once: a pure state
/// machine. Events go in with their time (seconds on any steady clock), actions come out; no clock,
/// no thread, no I/O. Driven by MPI, by the loopback, and by the simulator.
///
/// Ranges shrink as the work runs out (guided self-scheduling, Polychronopoulos & Kuck 1987). A
/// worker goes on where its last range ended, and one without a place of its own starts in the
/// middle of the largest stretch left, so that workers stay on slides they have open. A lost
/// worker's leases go to others; a range that fails or loses its worker is halved until the one
/// index at fault is found, unless the worker left a note that names it. At the end idle workers
/// take the back of what is queued or running elsewhere, and repeat single indices that take too
/// long; the first commit wins. Each event costs O(log n) of the leases out.
class Scheduler {
 public:
  Scheduler(const SchedulerOptions& options, const std::vector<WorkInterval>& pending);

  /// A worker that may hold `capacity` leases at once.
  void add_worker(int worker, int capacity, double now);
  /// Any sign of life.
  void on_heard(int worker, double now);
  /// [first, last) at the front of the lease is durable.
  void on_committed(int worker, std::uint64_t lease, std::uint64_t first, std::uint64_t last,
                    double now);
  void on_finished(int worker, std::uint64_t lease, LeaseEnd end, const std::string& reason,
                   double now);
  /// It is getting somewhere with its work; on_committed and on_finished say so too.
  void on_progress(int worker, double now);
  /// Of this lease it has begun everything before `next`, and all of the leases before it: others
  /// may take the rest, not what is begun.
  void on_begun(int worker, std::uint64_t lease, std::uint64_t next);
  /// The worker is lost. `culprits`: indices that are known to have crashed it; without any, the
  /// lease in work is under suspicion.
  void on_lost(int worker, const std::string& reason, double now,
               const std::vector<std::uint64_t>& culprits = {});
  struct Overdue {
    int worker = -1;
    std::string reason;
  };
  /// Workers that are silent or stuck past their limits, for on_lost().
  [[nodiscard]] std::vector<Overdue> overdue(double now) const;
  /// Call now and then: on_lost() for who is overdue, repeats stragglers.
  void tick(double now);
  /// From here on nothing is handed out.
  void stop();

  [[nodiscard]] std::vector<SchedulerAction> take_actions();
  /// The leases that the worker holds, as they were assigned, for telling it again.
  [[nodiscard]] std::vector<SchedulerAction> leases_of(int worker) const;
  /// Every index is committed or given up.
  [[nodiscard]] bool finished() const { return pending_.empty() && tasks_.empty(); }
  /// Work is left, but none of it would be done before the deadline, and none is out.
  [[nodiscard]] bool out_of_time(double now) const;
  /// No live worker holds a lease (after stop(): nothing more will come).
  [[nodiscard]] bool idle() const { return leases_.empty(); }
  [[nodiscard]] std::uint64_t remaining() const { return pending_count_ + running_count_; }
  [[nodiscard]] int live_workers() const { return live_; }

 private:
  struct Task {  // an interval that is out with one or more workers
    WorkInterval interval;
    std::vector<std::uint64_t> leases;
  };
  struct Lease {
    int worker = -1;
    std::uint64_t task = 0;
    std::uint64_t last = 0;   // as handed out; others may have taken the back since
    std::uint64_t begun = 0;  // the worker has at least begun what is before
    bool stale = false;  // its task is complete; the worker has not said yet that it dropped it
    double started = kQueued;
  };
  struct Worker {
    int capacity = 0;
    bool alive = true;
    double last_heard = 0;
    double last_progress = 0;  // or when it got work after having none
    std::uint64_t cursor = kNowhere;
    std::vector<std::uint64_t> leases;  // in the order they were handed out; front() is in work
  };
  static constexpr double kQueued = -1;
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

  void push_pending(const WorkInterval& interval);
  [[nodiscard]] WorkInterval pop_pending(std::uint64_t first);
  [[nodiscard]] std::uint64_t most_before_deadline(const Worker& worker, double now) const;
  [[nodiscard]] WorkInterval take_chunk(Worker& worker, std::uint64_t most);
  void move_cursor(Worker& worker, std::uint64_t to);
  void fill(double now);
  void assign(int worker_id, std::uint64_t task_id, double now);
  bool help_slowest(int worker_id, double now);
  void take_back(int worker_id, std::uint64_t task_id, double now);
  void start_front(Worker& worker, double now);
  [[nodiscard]] std::uint64_t not_begun(const Task& task) const;
  void track_single(std::uint64_t task_id);
  void untrack(std::uint64_t task_id);
  void complete(std::uint64_t task_id, std::uint64_t done_lease, double now);
  [[nodiscard]] WorkInterval retire(std::uint64_t task_id);
  void requeue_failed(std::uint64_t task_id, const std::string& reason, bool killed);
  void requeue_around(std::uint64_t task_id, const std::vector<std::uint64_t>& culprits,
                      const std::string& reason);
  void retry_single(const WorkInterval& interval, const std::string& reason);
  void detach(std::uint64_t lease_id);
  void update_hunger(int worker_id);

  SchedulerOptions options_;
  std::map<std::uint64_t, WorkInterval> pending_;                              // by first
  std::set<std::pair<std::uint64_t, std::uint64_t>, std::greater<>> by_size_;  // (length, first)
  std::map<std::uint64_t, int> cursors_;  // how many live workers stand at an index
  std::unordered_map<std::uint64_t, Task> tasks_;
  std::unordered_map<std::uint64_t, Lease> leases_;
  std::map<int, Worker> workers_;
  std::set<int> hungry_;  // live workers with room for a lease
  std::set<int> idle_;    // those without any
  // (start, task) of tasks with one lease: those of which others may take the back, and the rest.
  std::set<std::pair<double, std::uint64_t>> several_, single_;
  std::unordered_map<std::uint64_t, double> tracked_;  // task -> its start there
  std::vector<SchedulerAction> actions_;
  std::uint64_t pending_count_ = 0, running_count_ = 0;
  std::uint64_t next_task_ = 1, next_lease_;
  double busy_s_ = 0;            // time of committed indices, summed
  std::uint64_t committed_ = 0;  // indices behind busy_s_
  int live_ = 0;
  bool stopped_ = false;
};

}  // namespace tilepool
