#include "worker/range_pipeline.h"

#include <chrono>
#include <limits>
#include <utility>

#include "common/base/crash_note.h"
#include "common/base/error.h"
#include "common/base/fault.h"
#include "common/base/progress.h"
#include "common/model/protocol.h"
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

}  // namespace

RangePipeline::RangePipeline(const Options& options, const MemoryPlan& plan,
                             std::uint32_t generation, Budget& budget, SlidePool& slides)
    : slides_(slides),
      generation_(generation),
      n_tile_features_(task_schema(options).tile_features.size()),
      results_limit_(plan.results_bytes) {
  const WindowSize window = largest_window(options);
  const auto rgb = checked_cast<std::size_t>(checked_mul(3 * window.width, window.height));
  const std::size_t scratch = task_scratch_bytes(options, window.width, window.height);
  for (int i = 0; i < plan.buffers; ++i) {
    buffers_.emplace_back(budget, rgb, "the pixels of one tile");
    free_buffers_.push_back(static_cast<std::size_t>(i));
  }
  for (int i = 0; i < plan.compute_threads; ++i)
    arenas_.emplace_back(budget, scratch, "computing one tile");
  if (plan.read_threads == 0) return;
  for (int i = 0; i < plan.read_threads; ++i) threads_.emplace_back([this] { read_loop(); });
  for (std::size_t i = 0; i < arenas_.size(); ++i)
    threads_.emplace_back([this, i] { compute_loop(i); });
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
  item = {lease, slot, leases_.at(lease).jobs[slot], free_buffers_.back(), {}, {}, 0};
  free_buffers_.pop_back();
  ++in_work_;
  return true;
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
    filled_.push_back(std::move(item));
    may_compute_.notify_one();
  }
}

void RangePipeline::compute_loop(std::size_t arena) {
  std::unique_lock lock(mutex_);
  for (;;) {
    may_compute_.wait(lock, [&] { return quit_ || !filled_.empty(); });
    if (quit_) return;
    Item item = std::move(filled_.front());
    filled_.pop_front();
    lock.unlock();
    TileResult result = compute(item, arenas_[arena]);
    deliver(item, std::move(result));
    lock.lock();
  }
}

bool RangePipeline::step() {
  if (!threads_.empty()) return false;  // they do it
  Item item;
  {
    const std::lock_guard lock(mutex_);
    if (!begin(item)) return false;
  }
  read(item);
  TileResult result = compute(item, arenas_[0]);
  deliver(item, std::move(result));
  return true;
}

// A slide on a network file system may fail for a moment: the second failure counts.
void RangePipeline::read(Item& item) {
  const InHand note(static_cast<std::uint32_t>(WorkKind::kRange), generation_,
                    item.job.sample_index);
  fault_point(FaultPoint::kRead, item.job.sample_index);
  const Stopwatch watch;
  const SlideContext& context = *item.job.context;
  const PoolTile& tile = item.job.tile;
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      const auto source = slides_.get(context.slide.path, context.mpp);
      check(source->info().fingerprint == context.slide.fingerprint, ErrorCode::kSlide,
            "the slide file changed after it was scanned");
      item.window = read_tile(*source, context.grid, {tile.x, tile.y, tile.w, tile.h},
                              buffers_[item.buffer].span());
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

TileResult RangePipeline::compute(Item& item, Arena& scratch) {
  const InHand note(static_cast<std::uint32_t>(WorkKind::kRange), generation_,
                    item.job.sample_index);
  fault_point(FaultPoint::kCompute, item.job.sample_index);
  const Stopwatch watch;
  TileResult result;
  if (item.failure.empty()) {
    try {
      scratch.reset();
      item.job.context->task->run(item.window, scratch, result);
      result.status = TileStatus::kDone;
    } catch (const Error& error) {
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
