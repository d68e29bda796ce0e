#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/mpi/channel.h"
#include "common/run/layout.h"
#include "common/slide/slide_pool.h"
#include "worker/lease_desk.h"
#include "worker/memory_plan.h"
#include "worker/open_plan.h"
#include "worker/range_pipeline.h"

namespace tilepool {

/// The leases of sample ranges: their tiles go through the pipeline, what is finished is committed
/// as range files and told to the master. `now_s` is the worker's clock.
class RangeWork {
 public:
  /// All references, and `staged` if it is not null, must outlive it.
  RangeWork(const Options& options, const RunLayout& layout, const MemoryPlan& plan,
            std::uint32_t generation, Budget& budget, SlidePool& slides, ComputeDevice& device,
            Channel& channel, LeaseDesk& desk, StagedSlides* staged);

  void begin(const Work& work, OpenPlan& plan, double now_s);
  /// Does a tile where no thread does, and commits what is worth it; false when nothing was to do.
  /// Throws Error(kCuda) when the device is lost, after the leases went back.
  bool step(double now_s);
  /// Gives back what the master takes of a lease.
  void cancel(const Cancel& message);
  /// Nothing more is begun; what is finished is committed, the rest dropped.
  void stop();
  /// Holds no lease.
  [[nodiscard]] bool idle() const { return leases_.empty(); }
  /// Progress, times and the front of the work.
  void describe(Heartbeat& message) const;

 private:
  struct Lease {
    std::uint64_t first = 0, last = 0;  ///< as leased
    std::uint64_t next = 0;             ///< first sample index not yet committed
    double last_commit_s = 0;
  };
  void commit(const FinishedTiles& finished, double now_s);
  void write(const FinishedTiles& finished, Committed& message) const;
  void drop(std::uint64_t lease, const char* why);

  const RunLayout& layout_;
  Channel& channel_;
  LeaseDesk& desk_;
  TaskSchema schema_;
  std::uint32_t generation_;
  std::string pipeline_id_;
  std::map<std::uint64_t, Lease> leases_;
  ComputeDevice& device_;
  StagedSlides* const staged_;
  RangePipeline pipeline_;
  double commit_s_ = 0;
  bool stopping_ = false;
};

}  // namespace tilepool
