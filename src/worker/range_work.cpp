#include "worker/range_work.h"

#include <chrono>
#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/run/range_file.h"
#include "cuda/trace.h"
#include "worker/tile_task.h"

namespace tilepool {

namespace {
// A slow worker's finished tiles become durable at least this often.
constexpr double kCommitInterval_s = 20;
}  // namespace

RangeWork::RangeWork(const Options& options, const RunLayout& layout, const MemoryPlan& plan,
                     std::uint32_t generation, Budget& budget, SlidePool& slides,
                     ComputeDevice& device, Channel& channel, LeaseDesk& desk, StagedSlides* staged)
    : layout_(layout),
      channel_(channel),
      desk_(desk),
      schema_(task_schema(options)),
      generation_(generation),
      device_(device),
      staged_(staged),
      pipeline_(options, plan, generation, budget, slides, device, staged) {}

void RangeWork::begin(const Work& work, OpenPlan& plan, double now_s) {
  pipeline_id_ = plan.head().pipeline_id;
  std::vector<TileJob> jobs = plan.tile_jobs(work.first, work.last);
  const SlideContext* last = nullptr;
  for (const TileJob& job : jobs)
    if (staged_ != nullptr && std::exchange(last, job.context.get()) != job.context.get())
      staged_->want(last->slide.path, last->slide.fingerprint, job.context);
  leases_[work.lease] = {work.first, work.last, work.first, now_s};
  pipeline_.submit(work.lease, std::move(jobs));
}

bool RangeWork::step(double now_s) {
  const bool quiet = pipeline_.quiet();  // before looking for what is finished
  const std::optional<std::string> lost = pipeline_.device_error();
  bool flush = stopping_ || lost;
  for (const auto& [id, lease] : leases_)
    flush = flush || now_s - lease.last_commit_s > kCommitInterval_s;
  bool busy = false;
  while (const auto finished = pipeline_.take_finished(flush)) {
    commit(*finished, now_s);
    busy = true;
  }
  if ((stopping_ || lost) && quiet)
    for (const auto& [id, lease] : std::map(leases_))
      drop(id, lost ? "the GPU is lost" : "stopping");
  check(!lost || !leases_.empty(), ErrorCode::kCuda, "{}; its tiles go to others",
        lost.value_or(""));
  return pipeline_.step() || busy;
}

void RangeWork::commit(const FinishedTiles& finished, double now_s) {
  const TraceRange trace("commit range");
  Lease& lease = leases_.at(finished.lease);
  Committed message;
  message.lease = finished.lease;
  message.tiles = finished.jobs.size();
  message.first = lease.next;
  message.last = finished.lease_complete ? lease.last : finished.jobs.back().sample_index + 1;
  const auto begin = std::chrono::steady_clock::now();
  try {
    if (!finished.jobs.empty()) write(finished, message);
  } catch (const Error& error) {
    pipeline_.cancel(finished.lease);
    leases_.erase(finished.lease);
    return desk_.failed(finished.lease, error);
  }
  commit_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  channel_.send(0, message);
  lease.next = message.last;
  lease.last_commit_s = now_s;
  if (!finished.lease_complete) return;
  leases_.erase(finished.lease);
  desk_.done(finished.lease);
}

void RangeWork::write(const FinishedTiles& finished, Committed& message) const {
  RangeResult range;
  range.generation = generation_;
  range.pipeline_id = pipeline_id_;
  range.first = finished.jobs.front().sample_index;
  range.last = finished.jobs.back().sample_index;
  for (std::size_t i = 0; i < finished.jobs.size(); ++i) {
    const PoolTile& tile = finished.jobs[i].tile;
    const TileResult& result = finished.results[i];
    append_tile(range, {tile.slide, tile.x, tile.y}, result);
    message.tiles_failed += result.status == TileStatus::kFailed ? 1 : 0;
    message.seconds += static_cast<double>(result.seconds);
  }
  message.cells = range.cells.size();
  write_range(layout_.range_file(generation_, range.first, range.last), schema_, range);
}

// Leases of whole slides have no back and end as they began.
void RangeWork::cancel(const Cancel& message) {
  const auto lease = leases_.find(message.lease);
  if (lease == leases_.end()) return;
  if (message.keep_until == 0) return drop(message.lease, "dropped");
  if (message.keep_until >= lease->second.last || message.keep_until <= lease->second.next) return;
  pipeline_.trim(message.lease, message.keep_until);
  lease->second.last = message.keep_until;
}

void RangeWork::drop(std::uint64_t lease, const char* why) {
  leases_.erase(lease);
  pipeline_.cancel(lease);
  desk_.dropped(lease, why);
}

void RangeWork::stop() {
  stopping_ = true;
  pipeline_.stop();
}

void RangeWork::describe(Heartbeat& message) const {
  const PipelineCounters& counters = pipeline_.counters();
  message.leases += leases_.size();
  message.tiles_done = counters.tiles;
  message.pixels_read = counters.pixels;
  message.read_s = static_cast<double>(counters.read_ns) * 1e-9;
  message.compute_s = static_cast<double>(counters.compute_ns) * 1e-9;
  message.wait_read_s = static_cast<double>(counters.wait_read_ns) * 1e-9;
  message.wait_commit_s = static_cast<double>(counters.wait_commit_ns) * 1e-9;
  message.wait_lease_s = static_cast<double>(counters.wait_lease_ns) * 1e-9;
  message.commit_s = commit_s_;
  const ComputeDevice::Use use = device_.use();
  message.device_busy_s = use.busy_s;
  message.device_peak_bytes = use.peak_bytes;
  if (staged_ != nullptr) {
    const StagedSlides::Copied copied = staged_->copied();
    message.staged_slides = copied.slides;
    message.staged_bytes = copied.bytes;
  }
  if (const auto front = pipeline_.next_to_begin()) {
    message.lease = front->lease;
    message.begun = front->sample_index;
  } else if (!leases_.empty()) {  // ids grow: the last one handed out
    message.lease = leases_.rbegin()->first;
    message.begun = leases_.rbegin()->second.last;
  }
}

}  // namespace tilepool
