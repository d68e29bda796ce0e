#include "worker/range_pipeline.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "common/base/crash_note.h"
#include "common/base/error.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/progress.h"
#include "common/model/protocol.h"
#include "cuda/trace.h"
#include "worker/patch_reader.h"
#include "worker/tile_reader.h"

namespace tilepool {
namespace {

class Stopwatch {
 public:
  [[nodiscard]] std::int64_t ns() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

/// `wanted` of them, or fewer where the device has no memory for more.
std::vector<std::unique_ptr<Backend>> make_backends(ComputeDevice& device, int wanted) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (int i = 0; i < wanted; ++i) {
    try {
      backends.push_back(device.make_backend());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBudget || backends.empty()) throw;
      log_warning("{} tiles in flight instead of {}: {}", backends.size(), wanted, error.what());
      break;
    }
  }
  return backends;
}

Rect core_of(const PoolTile& tile) { return {tile.x, tile.y, tile.w, tile.h}; }

}  // namespace

RangePipeline::RangePipeline(const Options& options, const MemoryPlan& plan,
                             std::uint32_t generation, Budget& budget, SlidePool& slides,
                             ComputeDevice& device, StagedSlides* staged)
    : slides_(slides),
      budget_(budget),
      staged_(staged),
      generation_(generation),
      n_tile_features_(task_schema(options).tile_features.size()),
      results_limit_(plan.results_bytes) {
  const WindowSize window = largest_window(options);
  const auto rgb = checked_cast<std::size_t>(checked_mul(3 * window.width, window.height));
  for (int i = 0; i < plan.buffers; ++i) {
    buffers_.emplace_back(budget, rgb, "the pixels of one tile");
    prepared_.push_back(device.prepare(buffers_.back().span()));
    free_buffers_.push_back(static_cast<std::size_t>(i));
  }
  backends_ = make_backends(device, plan.compute_threads);
  if (plan.read_threads == 0) return;
  for (int i = 0; i < plan.read_threads; ++i) threads_.emplace_back([this] { read_loop(); });
  for (const auto& backend : backends_)
    threads_.emplace_back([this, &backend] { compute_loop(*backend); });
}

RangePipeline::~RangePipeline() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  may_read_.notify_all();
  may_compute_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void RangePipeline::submit(std::uint64_t lease_id, std::vector<TileJob> jobs) {
  {
    const std::lock_guard lock(mutex_);
    Lease& lease = leases_[lease_id];
    lease.results.resize(jobs.size());
    for (std::size_t slot = 0; slot < jobs.size(); ++slot) waiting_.emplace_back(lease_id, slot);
    lease.jobs = std::move(jobs);
  }
  may_read_.notify_all();
}

// Takes the next tile and a buffer for it; mutex_ is held.
bool RangePipeline::begin(Item& item) {
  if (stopping_ || waiting_.empty() || free_buffers_.empty()) return false;
  if (held_bytes_ > results_limit_) return false;
  const auto [lease, slot] = waiting_.front();
  waiting_.pop_front();
  item = {lease, slot, leases_.at(lease).jobs[slot], free_buffers_.back(), {}, {}, {}, 0};
  free_buffers_.pop_back();
  ++in_work_;
  reading_.push_back(item.job);
  item.near = cores_near(item);
  return true;
}

std::vector<Rect> RangePipeline::cores_near(const Item& item) const {
  std::vector<Rect> cores;
  const auto add = [&](const TileJob& job) {
    if (job.context == item.job.context) cores.push_back(core_of(job.tile));
  };
  for (const TileJob& job : reading_) add(job);
  const std::size_t n = std::min(kTilesAhead, waiting_.size());
  for (std::size_t i = 0; i < n; ++i) add(leases_.at(waiting_[i].first).jobs[waiting_[i].second]);
  return cores;
}

void RangePipeline::end_of_reading(const Item& item) {
  std::erase_if(reading_,
                [&](const TileJob& job) { return job.sample_index == item.job.sample_index; });
}

void RangePipeline::read_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Item item;
    may_read_.wait(lock, [&] { return quit_ || begin(item); });
    if (quit_) return;
    lock.unlock();
    read(item);
    lock.lock();
    end_of_reading(item);
    if (device_error_) {
      --in_work_;  // nobody computes it
      continue;
    }
    filled_.push_back(std::move(item));
    may_compute_.notify_one();
  }
}

// False when there will be none.
bool RangePipeline::wait_for_tile(std::unique_lock<std::mutex>& lock) {
  const auto ready = [this] { return quit_ || device_error_ || !filled_.empty(); };
  while (!ready()) {
    std::atomic<std::int64_t>& reason = held_bytes_ > results_limit_ ? counters_.wait_commit_ns
                                        : in_work_ > 0 || !waiting_.empty()
                                            ? counters_.wait_read_ns
                                            : counters_.wait_lease_ns;
    const Stopwatch watch;
    // Looks up now and then, so that the reason and the clock do not lag behind.
    may_compute_.wait_for(lock, std::chrono::milliseconds(200), ready);
    reason += watch.ns();
  }
  return !quit_ && !device_error_;
}

void RangePipeline::compute_loop(Backend& backend) {
  std::unique_lock lock(mutex_);
  while (wait_for_tile(lock)) {
    Item item = std::move(filled_.front());
    filled_.pop_front();
    lock.unlock();
    const bool usable = compute_and_deliver(item, backend);
    lock.lock();
    if (!usable) return;
  }
}

// False when the device is lost: then the tile was never computed.
bool RangePipeline::compute_and_deliver(Item& item, Backend& backend) {
  try {
    deliver(item, compute(item, backend));
    return true;
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!device_error_) device_error_ = error.what();
    stopping_ = true;
    in_work_ -= 1 + static_cast<int>(filled_.size());
    filled_.clear();
    may_compute_.notify_all();
    return false;
  }
}

std::optional<std::string> RangePipeline::device_error() const {
  const std::lock_guard lock(mutex_);
  return device_error_;
}

bool RangePipeline::step() {
  if (!threads_.empty()) return false;  // they do it
  Item item;
  {
    const std::lock_guard lock(mutex_);
    if (!begin(item)) return false;
  }
  read(item);
  {
    const std::lock_guard lock(mutex_);
    end_of_reading(item);
  }
  compute_and_deliver(item, *backends_[0]);
  return true;
}

// A slide on a network file system may fail for a moment: the second failure counts. What the copy
// on this node does not give, the slide itself may.
void RangePipeline::read(Item& item) {
  const InHand note(static_cast<std::uint32_t>(WorkKind::kRange), generation_,
                    item.job.sample_index);
  fault_point(FaultPoint::kRead, item.job.sample_index);
  const TraceRange trace("read tile");
  const Stopwatch watch;
  const SlideContext& context = *item.job.context;
  const PoolTile& tile = item.job.tile;
  const std::string& original = context.slide.path;
  const std::string first = staged_ == nullptr ? original : staged_->path_of(original);
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      const auto source = slides_.get(attempt == 0 ? first : original, context.mpp);
      check(source->info().fingerprint == context.slide.fingerprint, ErrorCode::kSlide,
            "the slide file changed after it was scanned");
      if (context.classes) context.classes->load(source->info(), budget_);
      expect_tiles(*source, context.grid, item.near);
      const std::span<std::uint8_t> pixels = buffers_[item.buffer].span();
      const bool single =
          context.patches && read_one_by_one(source->info(), context.grid, *context.patches);
      item.window =
          single ? read_patches(*source, context.grid, *context.patches, core_of(tile), pixels)
                 : read_tile(*source, context.grid, core_of(tile), pixels);
      if (item.near.size() == 1) source->expect(0, {});  // the slide's last tile for now
      if (attempt > 0 && first != original) staged_->distrust(original, item.failure);
      item.failure.clear();
      break;
    } catch (const Error& error) {
      item.failure = one_line(error.what());
    }
  }
  counters_.read_ns += watch.ns();
  if (item.failure.empty())
    counters_.pixels += static_cast<std::uint64_t>(item.window.rgb.pixels());
  item.read_s = static_cast<double>(watch.ns()) * 1e-9;
}

// Throws Error(kCuda) when the device is lost.
TileResult RangePipeline::compute(Item& item, Backend& backend) {
  const InHand note(static_cast<std::uint32_t>(WorkKind::kRange), generation_,
                    item.job.sample_index);
  fault_point(FaultPoint::kCompute, item.job.sample_index);
  const TraceRange trace("compute tile");
  const Stopwatch watch;
  TileResult result;
  if (item.failure.empty()) {
    try {
      backend.begin(item.window.rgb);
      // What lies beyond the slide stays white.
      if (const StainMap* const stains = item.job.context->stains.get())
        backend.normalise(*stains, item.window.inside);
      item.job.context->task->run(item.window, backend, result);
      backend.finish();
      if (item.job.context->classes)
        item.job.context->classes->append_shares(item.window, budget_, result.tile_features);
      result.status = TileStatus::kDone;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCuda) throw;
      item.failure = one_line(error.what());
    }
  }
  if (!item.failure.empty()) {
    result = {};
    result.status = TileStatus::kFailed;
    result.reason = item.failure;
    result.tile_features.assign(n_tile_features_, std::numeric_limits<float>::quiet_NaN());
  }
  counters_.compute_ns += watch.ns();
  ++counters_.tiles;
  note_progress();
  result.seconds = static_cast<float>(item.read_s + static_cast<double>(watch.ns()) * 1e-9);
  return result;
}

void RangePipeline::deliver(const Item& item, TileResult result) {
  {
    const std::lock_guard lock(mutex_);
    free_buffers_.push_back(item.buffer);
    --in_work_;
    const auto found = leases_.find(item.lease);
    // Else it was cancelled or trimmed.
    if (found != leases_.end() && item.slot < found->second.results.size()) {
      held_bytes_ += result_bytes(result);
      found->second.results[item.slot] = std::move(result);
    }
  }
  may_read_.notify_one();
}

std::size_t RangePipeline::result_bytes(const TileResult& result) {
  const CellBatch& cells = result.cells;
  return sizeof(TileResult) + cells.x.capacity() * 16 + cells.class_index.capacity() +
         cells.features.capacity() * 4 + cells.contour_size.capacity() * 4 +
         cells.contour_x.capacity() * 8 + result.tile_features.capacity() * 4;
}

std::optional<FinishedTiles> RangePipeline::take_finished(bool flush) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, lease] : leases_) {
    std::size_t end = lease.taken;
    std::size_t bytes = 0;
    for (; end < lease.results.size() && lease.results[end].status != TileStatus::kPending; ++end)
      bytes += result_bytes(lease.results[end]);
    const bool complete = end == lease.results.size();
    if (!complete && (end == lease.taken || (!flush && bytes * 4 < results_limit_))) continue;
    FinishedTiles finished;
    finished.lease = id;
    finished.lease_complete = complete;
    for (std::size_t i = lease.taken; i < end; ++i) {
      finished.jobs.push_back(lease.jobs[i]);
      finished.results.push_back(std::move(lease.results[i]));
      lease.results[i].status = TileStatus::kDone;
    }
    held_bytes_ -= bytes;
    lease.taken = end;
    if (complete) leases_.erase(id);
    may_read_.notify_all();
    return finished;
  }
  return std::nullopt;
}

void RangePipeline::trim(std::uint64_t lease_id, std::uint64_t end) {
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(lease_id);
  if (found == leases_.end()) return;
  Lease& lease = found->second;
  std::size_t keep = lease.taken;
  while (keep < lease.jobs.size() && lease.jobs[keep].sample_index < end) ++keep;
  for (std::size_t i = keep; i < lease.results.size(); ++i)
    if (lease.results[i].status != TileStatus::kPending)
      held_bytes_ -= result_bytes(lease.results[i]);
  lease.jobs.resize(keep);
  lease.results.resize(keep);
  std::erase_if(waiting_,
                [&](const auto& entry) { return entry.first == lease_id && entry.second >= keep; });
  may_read_.notify_all();
}

void RangePipeline::cancel(std::uint64_t lease_id) {
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(lease_id);
  if (found == leases_.end()) return;
  const Lease& lease = found->second;
  for (std::size_t i = lease.taken; i < lease.results.size(); ++i)
    if (lease.results[i].status != TileStatus::kPending)
      held_bytes_ -= result_bytes(lease.results[i]);
  leases_.erase(found);
  std::erase_if(waiting_, [&](const auto& entry) { return entry.first == lease_id; });
  may_read_.notify_all();
}

void RangePipeline::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

std::optional<RangePipeline::Front> RangePipeline::next_to_begin() const {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  const auto [lease, slot] = waiting_.front();
  return Front{lease, leases_.at(lease).jobs[slot].sample_index};
}

bool RangePipeline::quiet() const {
  const std::lock_guard lock(mutex_);
  return in_work_ == 0;
}

}  // namespace tilepool
