#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/memory/admission.h"
#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/mpi/channel.h"
#include "common/run/layout.h"
#include "common/run/run_json.h"
#include "common/run/run_lock.h"
#include "common/run/scan_file.h"
#include "common/slide/slide_pool.h"
#include "worker/job_pool.h"
#include "worker/memory_plan.h"
#include "worker/range_pipeline.h"

namespace tilepool {

/// What a worker is given by main.
struct WorkerSetup {
  Options options;
  RunLayout layout;
  MemoryDemand demand;  ///< of this rank; a plan that does not fit is told to the master
  std::string host;
  /// Joins the collective pack with the other ranks; empty in one process (the master packs alone).
  std::function<void(const Pack& request, Budget& budget)> pack;
};

/// A rank that scans, calibrates and processes what the master leases to it. Threads read and
/// compute; everything that speaks to the master or touches HDF5 happens inside step(), in one
/// thread. Never waits for another rank.
class Worker {
 public:
  /// Says hello to the master.
  Worker(Channel& channel, WorkerSetup setup);
  ~Worker();

  /// Handles what has arrived and what has been finished; waits at most `patience` when there is
  /// nothing to do. Returns the exit code once the master sent one.
  /// Throws Error(kStopped) when the master is gone.
  [[nodiscard]] std::optional<int> step(std::chrono::microseconds patience);
  /// Whether the master lost a rank of this job: then MPI must not be finalized.
  [[nodiscard]] bool others_lost() const { return others_lost_; }

  /// What the master needs to know of a budget: the demand of `options` on this machine.
  [[nodiscard]] static MemoryDemand memory_demand(const Options& options, std::size_t limit_bytes,
                                                  std::size_t resident_bytes, int threads);

 private:
  struct RangeLease {
    std::uint64_t first = 0, last = 0;  ///< as leased
    std::uint64_t next = 0;             ///< first sample index not yet committed
    std::uint32_t generation = 0;
    double last_commit_s = 0;
  };
  void handle(const Envelope& message);
  void look_for_master();
  void on_work(const Work& work);
  struct ScanJob;  ///< a slide to scan, and what is known of it
  void scan(const Work& work);
  [[nodiscard]] JobPool::Completion scan_in_background(const ScanJob& job);
  [[nodiscard]] JobPool::Completion scan_or_ask(const ScanJob& job);
  void commit_scan(const ScanJob& job, const SlideScan& scan, std::int64_t strips);
  void tell_changed(std::uint64_t lease, const std::string& what);
  void scan_strip(const Work& work);
  void ask_for_strips(std::uint64_t lease, std::int64_t strips, const std::string& fingerprint);
  void calibrate(const Work& work);
  void process(const Work& work);
  void open_plan(std::uint32_t generation);
  [[nodiscard]] const SlideCalibration& calibration_of(const std::string& slide_id);
  [[nodiscard]] std::shared_ptr<const SlideContext> context_of(std::uint32_t slide);
  bool commit_finished();
  void commit(const FinishedTiles& finished);
  void cancel(const Cancel& message);
  void drop(std::uint64_t lease);
  void answer(const Finished& message);
  void finish(std::uint64_t lease, LeaseEnd end, const std::string& reason, ErrorCode code);
  void finish(std::uint64_t lease) { finish(lease, LeaseEnd::kDone, {}, ErrorCode::kInternal); }
  void heartbeat();
  void begin_stop();
  [[nodiscard]] double now_s() const;

  Channel& channel_;
  WorkerSetup setup_;
  TaskSchema schema_;
  MemoryPlan plan_;
  Budget budget_;
  Admission scans_;  ///< scans that run side by side
  SlidePool slides_;
  RunDescription run_;
  JobPool jobs_;
  struct OpenPlan;  ///< plan.h5 and what belongs to it
  std::unique_ptr<OpenPlan> open_plan_;
  std::map<std::uint64_t, RangeLease> leases_;
  std::set<std::uint64_t> held_;             ///< leases of any kind that are not answered yet
  std::unique_ptr<RangePipeline> pipeline_;  // after what its threads use
  LockWatch lock_;                           ///< the master's
  std::chrono::steady_clock::time_point begin_;
  double last_heard_s_ = 0;
  bool began_ = false, others_lost_ = false;
  double next_heartbeat_s_ = 0;
  double commit_s_ = 0;
  bool stopping_ = false;
  std::optional<int> exit_code_;
};

}  // namespace tilepool
