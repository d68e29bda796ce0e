#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/kernels/compute_device.h"
#include "common/memory/buffer.h"
#include "common/model/result.h"
#include "common/model/tile_grid.h"
#include "common/run/plan_file.h"
#include "common/slide/slide_pool.h"
#include "worker/memory_plan.h"
#include "worker/staged_slides.h"
#include "worker/tile_classes.h"
#include "worker/tile_task.h"

namespace tilepool {

/// What the pipeline needs to know of one slide; shared by all its tiles.
struct SlideContext {
  PlanSlide slide;
  TileGrid grid;
  std::optional<PatchOptions> patches;     ///< of task patches
  std::optional<double> mpp;               ///< as given for opening it
  std::unique_ptr<const StainMap> stains;  ///< makes its colours the cohort's; null: as scanned
  std::unique_ptr<TileTask> task;
  std::shared_ptr<TileClasses> classes;  ///< annotated; null: their shares are no column
};

/// One tile of a lease, waiting to be read.
struct TileJob {
  std::shared_ptr<const SlideContext> context;
  PoolTile tile;
  std::uint64_t sample_index = 0;
};

/// Times and amounts since the start, summed over threads. Computing threads that do not compute
/// wait: for tiles to be read, for finished tiles to be committed, or for leases.
struct PipelineCounters {
  std::atomic<std::uint64_t> tiles{0};
  std::atomic<std::uint64_t> pixels{0};
  std::atomic<std::int64_t> read_ns{0};
  std::atomic<std::int64_t> compute_ns{0};
  std::atomic<std::int64_t> wait_read_ns{0}, wait_commit_ns{0}, wait_lease_ns{0};
};

/// Consecutive finished tiles at the front of a lease.
struct FinishedTiles {
  std::uint64_t lease = 0;
  std::vector<TileJob> jobs;
  std::vector<TileResult> results;
  bool lease_complete = false;
};

/// Reads and computes the tiles of leases: reading threads fill buffers in order, computing threads
/// empty them, a bounded number of buffers is in flight, and reading waits while finished results
/// exceed their share. With no reading threads, step() does one tile in the calling thread.
/// A tile that cannot be read is read once more and then failed with its reason; it never stops
/// others. When the device itself is lost, nothing more is begun and device_error() tells.
/// All public functions are called by one thread.
class RangePipeline {
 public:
  /// `generation`: of the plan that the sample indices belong to.
  /// As many tiles are computed at once as the plan says, or as `device` has memory for.
  /// `staged`: where copies of the slides may be; null: there are none.
  RangePipeline(const Options& options, const MemoryPlan& plan, std::uint32_t generation,
                Budget& budget, SlidePool& slides, ComputeDevice& device,
                StagedSlides* staged = nullptr);
  ~RangePipeline();  ///< drops what was not begun and joins the threads
  RangePipeline(const RangePipeline&) = delete;
  RangePipeline& operator=(const RangePipeline&) = delete;

  void submit(std::uint64_t lease, std::vector<TileJob> jobs);
  /// Takes the finished tiles at the front of a lease when they are worth a commit: the lease is
  /// complete, or they hold more than a quarter of the results' share, or `flush`.
  [[nodiscard]] std::optional<FinishedTiles> take_finished(bool flush);
  /// Forgets a lease: what was not begun is dropped, what is in work ends unheard.
  void cancel(std::uint64_t lease);
  /// Drops the tiles of a lease whose sample index is `end` or more, but for those that were taken
  /// already.
  void trim(std::uint64_t lease, std::uint64_t end);
  /// Nothing more is begun; what is in work is finished.
  void stop();
  struct Front {
    std::uint64_t lease = 0, sample_index = 0;
  };
  /// The next tile to be begun; nullopt: all are.
  [[nodiscard]] std::optional<Front> next_to_begin() const;
  /// No tile is being read or computed.
  [[nodiscard]] bool quiet() const;
  /// Single-threaded mode: does one tile; false when there was none, or where threads do the work.
  bool step();
  /// Why the device can no longer be used; nullopt: it can.
  [[nodiscard]] std::optional<std::string> device_error() const;
  [[nodiscard]] const PipelineCounters& counters() const { return counters_; }

 private:
  struct Lease {
    std::vector<TileJob> jobs;
    std::vector<TileResult> results;  // kPending until finished
    std::size_t taken = 0;
  };
  struct Item {  // one tile on its way
    std::uint64_t lease = 0;
    std::size_t slot = 0;
    TileJob job;
    std::size_t buffer = 0;
    std::vector<Rect> near;  // cores of the slide that are being read and come next
    TileWindow window;
    std::string failure;
    double read_s = 0;
  };
  void read_loop();
  void compute_loop(Backend& backend);
  [[nodiscard]] bool wait_for_tile(std::unique_lock<std::mutex>& lock);
  void read(Item& item);
  bool compute_and_deliver(Item& item, Backend& backend);
  [[nodiscard]] TileResult compute(Item& item, Backend& backend);
  void deliver(const Item& item, TileResult result);
  [[nodiscard]] bool begin(Item& item);
  [[nodiscard]] std::vector<Rect> cores_near(const Item& item) const;
  void end_of_reading(const Item& item);
  [[nodiscard]] static std::size_t result_bytes(const TileResult& result);

  SlidePool& slides_;
  Budget& budget_;
  StagedSlides* const staged_;
  const std::uint32_t generation_;
  const std::size_t n_tile_features_;
  const std::size_t results_limit_;
  std::vector<Buffer<std::uint8_t>> buffers_;
  std::vector<std::shared_ptr<void>> prepared_;  // of buffers_
  std::vector<std::unique_ptr<Backend>> backends_;
  PipelineCounters counters_;

  mutable std::mutex mutex_;
  std::condition_variable may_read_, may_compute_;
  std::deque<std::pair<std::uint64_t, std::size_t>> waiting_;  // (lease, slot), in order
  std::vector<TileJob> reading_;
  std::deque<Item> filled_;
  std::vector<std::size_t> free_buffers_;
  std::map<std::uint64_t, Lease> leases_;
  std::size_t held_bytes_ = 0;  // of finished results not yet taken
  int in_work_ = 0;
  bool stopping_ = false, quit_ = false;
  std::optional<std::string> device_error_;
  std::vector<std::thread> threads_;  // last: joined before anything else goes
};

}  // namespace tilepool
