#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/mpi/channel.h"
#include "common/run/layout.h"
#include "common/run/run_json.h"
#include "common/run/run_lock.h"
#include "common/slide/slide_pool.h"
#include "worker/device_choice.h"
#include "worker/lease_desk.h"
#include "worker/memory_plan.h"
#include "worker/open_plan.h"
#include "worker/range_work.h"
#include "worker/slide_work.h"
#include "worker/staged_slides.h"

namespace tilepool {

/// What a worker is given by main.
struct WorkerSetup {
  Options options;
  RunLayout layout;
  DeviceGrant device;                      ///< what this rank computes on
  int gpus_visible = 0, gpus_granted = 0;  ///< to this rank; to the job on this node
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

  /// What the master needs to know of a budget: the demand of `options` on `device`.
  [[nodiscard]] static MemoryDemand memory_demand(const Options& options, const DeviceGrant& device,
                                                  std::size_t limit_bytes,
                                                  std::size_t resident_bytes, int threads);

 private:
  void handle(const Envelope& message);
  void look_for_master();
  void on_work(const Work& work);
  void begin_work(const Work& work);
  void begin_ranges(std::uint32_t generation);
  [[nodiscard]] OpenPlan& plan_of(std::uint32_t generation);
  void heartbeat();
  void begin_stop();
  [[nodiscard]] double now_s() const;

  Channel& channel_;
  WorkerSetup setup_;
  MemoryPlan plan_;
  Budget budget_;
  std::unique_ptr<ComputeDevice> device_;
  SlidePool slides_;
  RunDescription run_;
  LeaseDesk desk_;
  std::unique_ptr<OpenPlan> open_plan_;
  SlideWork slide_work_;                  // both after what their threads use
  std::unique_ptr<StagedSlides> staged_;  ///< while there are ranges; null: not asked for
  std::unique_ptr<RangeWork> ranges_;     ///< from the first range until the pack
  Heartbeat final_;                       ///< what the ranges had to tell at their end
  bool idle_ = true;                      ///< no range is in hand
  LockWatch lock_;                        ///< the master's
  std::chrono::steady_clock::time_point begin_;
  double last_heard_s_ = 0;
  double next_heartbeat_s_ = 0;
  bool began_ = false, others_lost_ = false, stopping_ = false;
  std::optional<int> exit_code_;
};

}  // namespace tilepool
