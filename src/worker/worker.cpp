#include "worker/worker.h"

#include <span>
#include <utility>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/process.h"
#include "common/base/progress.h"
#include "common/base/system.h"
#include "common/base/units.h"
#include "common/run/checksum.h"
#include "cuda/trace.h"
#include "worker/tile_reader.h"
#include "worker/tile_task.h"

namespace tilepool {
namespace {

/// The same for all ranks of this attempt at the run, another for any other.
std::uint64_t run_key(const RunLayout& layout, const RunDescription& run) {
  const auto started = run.provenance.find("started");
  const std::string text = layout.root().lexically_normal().string() + "\n" +
                           (started == run.provenance.end() ? "" : started->second);
  Checksum key;
  key.add(std::as_bytes(std::span(text)));
  return key.value();
}

}  // namespace

MemoryDemand Worker::memory_demand(const Options& options, const DeviceGrant& device,
                                   std::size_t limit_bytes, std::size_t resident_bytes,
                                   int threads) {
  const WindowSize window = largest_window(options);
  MemoryDemand demand;
  demand.limit_bytes = limit_bytes;
  demand.resident_bytes = resident_bytes;
  demand.rgb_bytes = checked_cast<std::size_t>(checked_mul(3 * window.width, window.height));
  demand.scratch_bytes = device.host_bytes;
  demand.compute_threads = options.workers.readers == 0 ? 1 : device.tiles_in_flight;
  demand.read_threads =
      options.workers.readers < 0 ? threads : checked_cast<int>(options.workers.readers);
  demand.open_slides = checked_cast<int>(options.workers.open_slides);
  demand.staging_bytes = options.workers.stage ? StagedSlides::kBufferBytes : 0;
  return demand;
}

Worker::Worker(Channel& channel, WorkerSetup setup)
    : channel_(channel),
      setup_(std::move(setup)),
      plan_(plan_memory(setup_.demand).value_or(MemoryPlan{})),
      budget_(plan_.data_bytes),
      device_(setup_.device.make(budget_)),
      slides_(static_cast<std::size_t>(plan_.open_slides), setup_.options.workers.reader),
      desk_(channel),
      slide_work_(setup_.options, setup_.layout, run_, plan_, budget_, slides_, desk_),
      lock_(setup_.layout),
      begin_(std::chrono::steady_clock::now()) {
  const ProcessName self = this_process();
  Hello hello;
  hello.pid = static_cast<std::uint64_t>(self.pid);
  hello.start_ticks = self.start_ticks;
  hello.process_space.set(self.space);
  hello.cores = static_cast<std::uint64_t>(setup_.demand.compute_threads);
  hello.threads = static_cast<std::uint64_t>(plan_.compute_threads);
  hello.budget_bytes = setup_.demand.limit_bytes;
  hello.smallest_budget_bytes = smallest_limit_bytes(setup_.demand);
  hello.host.set(setup_.host);
  hello.device.set(setup_.device.name);
  hello.gpu_uuid.set(setup_.device.uuid);
  hello.device_budget_bytes = setup_.device.limit_bytes;
  hello.gpus_visible = static_cast<std::uint64_t>(setup_.gpus_visible);
  hello.gpus_granted = static_cast<std::uint64_t>(setup_.gpus_granted);
  channel_.send(0, hello);
}

Worker::~Worker() = default;

double Worker::now_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

std::optional<int> Worker::step(std::chrono::microseconds patience) {
  bool busy = slide_work_.poll();
  if (ranges_ != nullptr) {
    busy = ranges_->step(now_s()) || busy;
    // The last numbers are told at once: what follows may be the end.
    if (!std::exchange(idle_, ranges_->idle()) && idle_) heartbeat();
  }
  while (auto message = channel_.receive(busy ? std::chrono::microseconds(0) : patience)) {
    last_heard_s_ = now_s();
    handle(*message);
    busy = true;
    if (exit_code_) return exit_code_;
  }
  if (now_s() >= next_heartbeat_s_) {
    heartbeat();
    look_for_master();
  }
  return exit_code_;
}

// The master may be busy for long with a large plan, or have given this rank up: then it says
// nothing, and its lock tells whether it lives. The first look alone says nothing either.
void Worker::look_for_master() {
  const double limit_s = setup_.options.run.silent_limit_s;
  if (!began_ || now_s() - last_heard_s_ < limit_s / 2) return;
  const std::optional<double> silent_s = lock_.silent_s(now_s());
  const char* const what = !silent_s             ? "left the run directory"
                           : *silent_s > limit_s ? "gives no sign of life"
                                                 : nullptr;
  check(what == nullptr, ErrorCode::kStopped, "the master {}; this rank leaves", what);
}

void Worker::handle(const Envelope& message) {
  switch (message.tag) {
    case Tag::kBegin:
      began_ = true;
      run_ = read_run_json(setup_.layout.run_json());
      return;
    case Tag::kWork:
      return on_work(message.as<Work>());
    case Tag::kCancel:
      if (ranges_ != nullptr) ranges_->cancel(message.as<Cancel>());
      return;
    case Tag::kStop:
      return begin_stop();
    case Tag::kPack: {
      const TraceRange trace("pack");
      if (ranges_ != nullptr) ranges_->describe(final_);
      ranges_.reset();  // its memory is the pack's now
      staged_.reset();
      return setup_.pack(message.as<Pack>(), budget_);
    }
    case Tag::kAlive:
      return;
    case Tag::kExit:
      exit_code_ = checked_cast<int>(message.as<Exit>().code);
      others_lost_ = message.as<Exit>().lost_ranks > 0;
      return;
    default:
      fail(ErrorCode::kProtocol, "a worker got tag {} from rank {}", static_cast<int>(message.tag),
           message.from);
  }
}

void Worker::on_work(const Work& work) {
  if (stopping_) return desk_.dropped(work.lease, "stopping");
  if (!desk_.take(work.lease)) return;
  try {
    begin_work(work);
  } catch (const Error& error) {
    desk_.failed(work.lease, error);
  }
}

void Worker::begin_work(const Work& work) {
  switch (work.kind) {
    case WorkKind::kScan:
      return slide_work_.scan(work);
    case WorkKind::kStrip:
      return slide_work_.scan_strip(work);
    case WorkKind::kCalibrate:
      return slide_work_.calibrate(work, plan_of(work.generation));
    case WorkKind::kRange: {
      OpenPlan& plan = plan_of(work.generation);
      if (ranges_ == nullptr) begin_ranges(work.generation);
      return ranges_->begin(work, plan, now_s());
    }
  }
  fail(ErrorCode::kProtocol, "work of unknown kind {}", static_cast<unsigned>(work.kind));
}

// A node that cannot keep copies reads the slides where they lie: the results are the same.
void Worker::begin_ranges(std::uint32_t generation) {
  const WorkerOptions& workers = setup_.options.workers;
  if (workers.stage) {
    try {
      staged_ = std::make_unique<StagedSlides>(*workers.stage, run_key(setup_.layout, run_),
                                               workers.stage_limit, budget_, slides_);
    } catch (const Error& error) {
      log_warning("no slide is copied to a disk of {} (/workers/stage): {}", setup_.host,
                  error.what());
    }
  }
  ranges_ = std::make_unique<RangeWork>(setup_.options, setup_.layout, plan_, generation, budget_,
                                        slides_, *device_, channel_, desk_, staged_.get());
}

OpenPlan& Worker::plan_of(std::uint32_t generation) {
  if (open_plan_ == nullptr || open_plan_->head().generation != generation)
    open_plan_ = std::make_unique<OpenPlan>(setup_.layout, setup_.options, run_, generation);
  return *open_plan_;
}

void Worker::begin_stop() {
  stopping_ = true;
  slide_work_.stop();
  if (ranges_ != nullptr) ranges_->stop();
}

void Worker::heartbeat() {
  Heartbeat message = final_;
  message.progress = progress_so_far();
  message.leases = slide_work_.unfinished();
  message.rss_bytes = rss_bytes();
  message.peak_rss_bytes = peak_rss_bytes();
  if (ranges_ != nullptr) ranges_->describe(message);
  channel_.send(0, message);
  next_heartbeat_s_ = now_s() + setup_.options.run.heartbeat_s;
}

}  // namespace tilepool
