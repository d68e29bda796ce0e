#include "worker/worker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/crash_note.h"
#include "common/base/fault.h"
#include "common/base/process.h"
#include "common/base/progress.h"
#include "common/base/system.h"
#include "common/base/units.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"
#include "common/run/scan_file.h"
#include "common/run/tissue_decision.h"
#include "worker/calibrate.h"
#include "worker/scan_slide.h"
#include "worker/scan_strips.h"
#include "worker/tile_reader.h"

namespace tilepool {

namespace {
// A slow worker's finished tiles become durable at least this often.
constexpr double kCommitInterval_s = 20;
constexpr char kContentChanged[] = "its content changed";
}  // namespace

struct Worker::OpenPlan {
  explicit OpenPlan(const std::filesystem::path& file) : reader(file), slides(reader.slides()) {}
  PlanReader reader;
  std::vector<PlanSlide> slides;
  std::map<std::string, SlideCalibration> calibrations;
  std::map<std::uint32_t, std::weak_ptr<const SlideContext>> contexts;
};

MemoryDemand Worker::memory_demand(const Options& options, std::size_t limit_bytes,
                                   std::size_t resident_bytes, int threads) {
  const WindowSize window = largest_window(options);
  MemoryDemand demand;
  demand.limit_bytes = limit_bytes;
  demand.resident_bytes = resident_bytes;
  demand.rgb_bytes = checked_cast<std::size_t>(checked_mul(3 * window.width, window.height));
  demand.scratch_bytes = task_scratch_bytes(options, window.width, window.height);
  demand.compute_threads = options.workers.readers == 0 ? 1 : threads;
  demand.read_threads =
      options.workers.readers < 0 ? threads : checked_cast<int>(options.workers.readers);
  demand.open_slides = checked_cast<int>(options.workers.open_slides);
  return demand;
}

Worker::Worker(Channel& channel, WorkerSetup setup)
    : channel_(channel),
      setup_(std::move(setup)),
      schema_(task_schema(setup_.options)),
      plan_(plan_memory(setup_.demand).value_or(MemoryPlan{})),
      budget_(plan_.data_bytes),
      scans_(plan_.data_bytes),
      slides_(static_cast<std::size_t>(plan_.open_slides)),
      jobs_(plan_.read_threads == 0 ? 0 : plan_.compute_threads),
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
  hello.device.set("cpu");
  channel_.send(0, hello);
}

Worker::~Worker() = default;

double Worker::now_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

std::optional<int> Worker::step(std::chrono::microseconds patience) {
  bool busy = jobs_.poll();
  busy = commit_finished() || busy;
  if (pipeline_ != nullptr) busy = pipeline_->step() || busy;
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
      return cancel(message.as<Cancel>());
    case Tag::kStop:
      return begin_stop();
    case Tag::kPack:
      pipeline_.reset();  // its memory is the pack's now
      return setup_.pack(message.as<Pack>(), budget_);
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
  if (stopping_) return finish(work.lease, LeaseEnd::kDropped, "stopping", ErrorCode::kStopped);
  if (!held_.insert(work.lease).second) return;  // told again: the first message was only slow
  try {
    switch (work.kind) {
      case WorkKind::kScan:
        return scan(work);
      case WorkKind::kCalibrate:
        return calibrate(work);
      case WorkKind::kRange:
        return process(work);
      case WorkKind::kStrip:
        return scan_strip(work);
    }
    fail(ErrorCode::kProtocol, "work of unknown kind {}", static_cast<unsigned>(work.kind));
  } catch (const Error& error) {
    finish(work.lease, LeaseEnd::kFailed, error.what(), error.code());
  }
}

struct Worker::ScanJob {
  std::uint64_t lease = 0;
  std::uint64_t slide = 0;  ///< index in the cohort
  SlideSpec spec;
  std::filesystem::path file;  ///< that the scan is committed to
  bool planned = false;        ///< a plan was made from the scan
  bool known = false, known_failed = false;
  std::string known_print;
};

// One slide: opened, judged, its scan committed. A scan that is there already is kept when the
// slide is still the same; once a plan was made from it, a slide that differs is told, not scanned
// anew.
void Worker::scan(const Work& work) {
  ScanJob job;
  job.lease = work.lease;
  job.slide = work.first;
  job.spec = run_.cohort.at(work.first);
  job.file = setup_.layout.scan_file(job.spec.id);
  job.planned = std::filesystem::exists(setup_.layout.plan());
  if (std::filesystem::exists(job.file)) {
    const SlideScan known = read_scan(job.file, {}, budget_);
    job.known = true;
    job.known_failed = known.failed;
    job.known_print = known.info.fingerprint;
  }
  jobs_.submit(work.lease, [this, job] { return scan_in_background(job); });
}

JobPool::Completion Worker::scan_in_background(const ScanJob& job) {
  const InHand note(static_cast<std::uint32_t>(WorkKind::kScan), 0, job.slide);
  try {
    fault_point(FaultPoint::kScan, job.slide);
    return scan_or_ask(job);
  } catch (const Error& error) {
    const std::string reason = error.what();
    if (error.code() != ErrorCode::kSlide && error.code() != ErrorCode::kBudget)
      return [this, lease = job.lease, reason, code = error.code()] {
        finish(lease, LeaseEnd::kFailed, reason, code);
      };
    const auto scan = std::make_shared<SlideScan>();
    scan->slide_id = job.spec.id;
    scan->path = job.spec.path;
    scan->failed = true;
    scan->reason = one_line(reason);
    return [this, job, scan] { commit_scan(job, *scan, 0); };
  }
}

// A slide of several strips is judged once all of them are there. A planned run never reads it
// again: one that was planned as failed stays so, any other has changed.
JobPool::Completion Worker::scan_or_ask(const ScanJob& job) {
  check(job.spec.problem.empty(), ErrorCode::kSlide, "{}", job.spec.problem);
  const auto source = slides_.get(job.spec.path, job.spec.mpp);
  const SlideInfo& info = source->info();
  if (job.known && !job.known_failed && info.fingerprint == job.known_print)
    return [this, lease = job.lease] { finish(lease); };
  check_scannable(info, setup_.options);
  const std::int64_t strips = count_strips(info, setup_.options);
  const auto ask = [this, strips, lease = job.lease, print = info.fingerprint] {
    ask_for_strips(lease, strips, print);
  };
  if (strips > 1 && job.planned)
    return [this, job] {
      job.known_failed ? finish(job.lease) : tell_changed(job.lease, kContentChanged);
    };
  if (strips > 1 && !strips_exist(setup_.layout, job.spec.id, strips)) return ask;
  const auto pass =
      std::make_shared<Admission::Pass>(scans_, scan_slide_bytes(info, setup_.options));
  const auto scan = std::make_shared<std::optional<SlideScan>>(
      strips == 1
          ? scan_slide(job.spec, *source, setup_.options, budget_)
          : scan_from_strips(job.spec, info, strips, setup_.layout, setup_.options, budget_));
  if (!*scan) return ask;
  return [this, job, pass, scan, strips] { commit_scan(job, **scan, strips); };
}

void Worker::commit_scan(const ScanJob& job, const SlideScan& scan, std::int64_t strips) {
  if (job.known_failed && scan.failed) return finish(job.lease);
  if (job.planned) return tell_changed(job.lease, scan.failed ? scan.reason : kContentChanged);
  try {
    write_scan(job.file, scan);
    if (strips > 1) discard_strips(setup_.layout, scan.slide_id, strips);
    finish(job.lease);
  } catch (const Error& error) {
    finish(job.lease, LeaseEnd::kFailed, error.what(), error.code());
  }
}

void Worker::tell_changed(std::uint64_t lease, const std::string& what) {
  finish(lease, LeaseEnd::kChanged, what, ErrorCode::kSlide);
}

void Worker::ask_for_strips(std::uint64_t lease, std::int64_t strips,
                            const std::string& fingerprint) {
  Finished message;
  message.lease = lease;
  message.end = LeaseEnd::kStrips;
  message.strips = checked_cast<std::uint64_t>(strips);
  message.fingerprint.set(fingerprint);
  answer(message);
}

// Strips are plain files, so a job commits its own.
void Worker::scan_strip(const Work& work) {
  const SlideSpec spec = run_.cohort.at(work.first / kMaxStrips);
  jobs_.submit(work.lease, [this, spec, work]() -> JobPool::Completion {
    const std::uint64_t lease = work.lease;
    const InHand note(static_cast<std::uint32_t>(WorkKind::kStrip), 0, work.first);
    try {
      fault_point(FaultPoint::kStrip, work.first);
      const auto index = checked_cast<std::int64_t>(work.first % kMaxStrips);
      const auto source = slides_.get(spec.path, spec.mpp);
      const Admission::Pass pass(scans_, strip_bytes(source->info(), setup_.options));
      commit_strip(setup_.layout, spec.id, *source, index, setup_.options, budget_);
      return [this, lease] { finish(lease); };
    } catch (const Error& error) {
      const std::string reason = error.what();
      return [this, lease, reason, code = error.code()] {
        finish(lease, LeaseEnd::kFailed, reason, code);
      };
    }
  });
}

void Worker::open_plan(std::uint32_t generation) {
  if (open_plan_ != nullptr && open_plan_->reader.head().generation == generation) return;
  open_plan_ = std::make_unique<OpenPlan>(setup_.layout.plan());
  check(open_plan_->reader.head().generation == generation, ErrorCode::kProtocol,
        "plan.h5 is of generation {}, the work of {}", open_plan_->reader.head().generation,
        generation);
}

// calibration.h5 is complete before the first range is leased, but not when the plan is opened.
const SlideCalibration& Worker::calibration_of(const std::string& slide_id) {
  static const SlideCalibration kNone;
  if (!task_needs_calibration(setup_.options)) return kNone;
  if (open_plan_->calibrations.empty())
    for (SlideCalibration& slide : read_calibration(setup_.layout.calibration()))
      open_plan_->calibrations.emplace(slide.slide_id, std::move(slide));
  const auto found = open_plan_->calibrations.find(slide_id);
  check(found != open_plan_->calibrations.end(), ErrorCode::kInternal,
        "{} holds no calibration of slide {}", setup_.layout.calibration().string(), slide_id);
  return found->second;
}

// The mask is read here (one thread speaks HDF5) and given up once the patches are chosen.
void Worker::calibrate(const Work& work) {
  open_plan(work.generation);
  const PlanSlide slide = open_plan_->slides.at(work.first);
  const std::optional<double> mpp = run_.cohort.at(work.first).mpp;
  const std::string path = run_.cohort.at(work.first).path;
  const std::filesystem::path file = setup_.layout.slide_calibration(slide.id);
  if (std::filesystem::exists(file)) return finish(work.lease);
  SlideScan head = read_scan(
      setup_.layout.scan_file(slide.id),
      {.mask = true, .variance = setup_.options.tissue.method == TissueMethod::kVariance}, budget_);
  decide_tissue(head, setup_.options.tissue, open_plan_->reader.head().variance_threshold, budget_);
  const std::vector<Rect> patches = calibration_patches(head, setup_.options, budget_);
  jobs_.submit(work.lease,
               [this, slide, mpp, path, file, patches, grid = head.grid, modality = head.modality,
                index = work.first, lease = work.lease]() -> JobPool::Completion {
                 const InHand note(static_cast<std::uint32_t>(WorkKind::kCalibrate), 0, index);
                 try {
                   fault_point(FaultPoint::kCalibrate, index);
                   const auto source = slides_.get(path, mpp);
                   const auto result = std::make_shared<SlideCalibration>(calibrate_slide(
                       slide.id, *source, grid, modality, patches, setup_.options, budget_));
                   return [this, lease, file, result] {
                     try {
                       write_slide_calibration(file, *result);
                       finish(lease);
                     } catch (const Error& error) {
                       finish(lease, LeaseEnd::kFailed, error.what(), error.code());
                     }
                   };
                 } catch (const Error& error) {
                   const std::string reason = error.what();
                   return [this, lease, reason, code = error.code()] {
                     finish(lease, LeaseEnd::kFailed, reason, code);
                   };
                 }
               });
}

std::shared_ptr<const SlideContext> Worker::context_of(std::uint32_t slide) {
  std::weak_ptr<const SlideContext>& known = open_plan_->contexts[slide];
  if (auto context = known.lock()) return context;
  auto context = std::make_shared<SlideContext>();
  context->slide = open_plan_->slides.at(slide);
  context->slide.path = run_.cohort.at(slide).path;  // the files may have moved since
  context->mpp = run_.cohort.at(slide).mpp;
  const TileOptions& tiles = setup_.options.tiles;
  context->grid = {context->slide.width, context->slide.height, tiles.size_px,
                   context->slide.core_px, tiles.halo_px};
  const double mpp = (context->slide.mpp_x + context->slide.mpp_y) / 2 * context->grid.scale();
  context->task = make_tile_task(setup_.options, mpp, calibration_of(context->slide.id));
  known = context;
  return context;
}

void Worker::process(const Work& work) {
  open_plan(work.generation);
  if (pipeline_ == nullptr)
    pipeline_ =
        std::make_unique<RangePipeline>(setup_.options, plan_, work.generation, budget_, slides_);
  const std::uint64_t count = work.last - work.first;
  const auto tiles = open_plan_->reader.sample_tiles(work.first, count);
  const auto carried = open_plan_->reader.carried(work.first, count);
  std::vector<TileJob> jobs;
  for (std::uint64_t i = 0; i < count; ++i)
    if (carried[i] == 0) jobs.push_back({context_of(tiles[i].slide), tiles[i], work.first + i});
  leases_[work.lease] = {work.first, work.last, work.first, work.generation, now_s()};
  pipeline_->submit(work.lease, std::move(jobs));
}

bool Worker::commit_finished() {
  if (pipeline_ == nullptr) return false;
  const bool quiet = pipeline_->quiet();
  bool flush = stopping_;
  for (const auto& [id, lease] : leases_)
    flush = flush || now_s() - lease.last_commit_s > kCommitInterval_s;
  bool committed = false;
  while (auto finished = pipeline_->take_finished(flush)) {
    commit(*finished);
    committed = true;
  }
  if (stopping_ && quiet) {
    for (const auto& [id, lease] : std::map(leases_)) drop(id);
  }
  return committed;
}

void Worker::commit(const FinishedTiles& finished) {
  RangeLease& lease = leases_.at(finished.lease);
  RangeResult range;
  range.generation = lease.generation;
  range.pipeline_id = open_plan_->reader.head().pipeline_id;
  Committed message;
  for (std::size_t i = 0; i < finished.jobs.size(); ++i) {
    const TileJob& job = finished.jobs[i];
    const TileResult& result = finished.results[i];
    append_tile(range, {job.tile.slide, job.tile.x, job.tile.y}, result);
    message.tiles_failed += result.status == TileStatus::kFailed ? 1 : 0;
    message.seconds += static_cast<double>(result.seconds);
  }
  message.lease = finished.lease;
  message.tiles = finished.jobs.size();
  message.cells = range.cells.size();
  message.first = lease.next;
  message.last = finished.lease_complete ? lease.last : finished.jobs.back().sample_index + 1;
  const double begin = now_s();
  try {
    if (!finished.jobs.empty()) {
      range.first = finished.jobs.front().sample_index;
      range.last = finished.jobs.back().sample_index;
      write_range(setup_.layout.range_file(range.generation, range.first, range.last), schema_,
                  range);
    }
  } catch (const Error& error) {
    pipeline_->cancel(finished.lease);
    leases_.erase(finished.lease);
    return finish(finished.lease, LeaseEnd::kFailed, error.what(), error.code());
  }
  commit_s_ += now_s() - begin;
  channel_.send(0, message);
  lease.next = message.last;
  lease.last_commit_s = now_s();
  if (!finished.lease_complete) return;
  leases_.erase(finished.lease);
  finish(finished.lease);
}

// Leases of whole slides have no back and end as they began.
void Worker::cancel(const Cancel& message) {
  const auto lease = leases_.find(message.lease);
  if (lease == leases_.end()) return;
  if (message.keep_until == 0) return drop(message.lease);
  if (message.keep_until >= lease->second.last || message.keep_until <= lease->second.next) return;
  pipeline_->trim(message.lease, message.keep_until);
  lease->second.last = message.keep_until;
}

void Worker::drop(std::uint64_t lease) {
  if (leases_.erase(lease) == 0) return;
  pipeline_->cancel(lease);
  finish(lease, LeaseEnd::kDropped, "dropped", ErrorCode::kStopped);
}

void Worker::begin_stop() {
  stopping_ = true;
  for (const std::uint64_t lease : jobs_.drop_waiting())
    finish(lease, LeaseEnd::kDropped, "stopping", ErrorCode::kStopped);
  if (pipeline_ != nullptr) pipeline_->stop();
}

void Worker::finish(std::uint64_t lease, LeaseEnd end, const std::string& reason, ErrorCode code) {
  Finished message;
  message.lease = lease;
  message.end = end;
  message.error_code = static_cast<std::uint32_t>(code);
  message.reason.set(one_line(reason));
  answer(message);
}

void Worker::answer(const Finished& message) {
  held_.erase(message.lease);
  channel_.send(0, message);
}

void Worker::heartbeat() {
  Heartbeat message;
  message.progress = progress_so_far();
  message.leases = leases_.size() + jobs_.unfinished();
  message.rss_bytes = rss_bytes();
  message.peak_rss_bytes = peak_rss_bytes();
  message.commit_s = commit_s_;
  if (pipeline_ != nullptr) {
    const PipelineCounters& counters = pipeline_->counters();
    message.tiles_done = counters.tiles;
    message.pixels_read = counters.pixels;
    message.read_s = static_cast<double>(counters.read_ns) * 1e-9;
    message.compute_s = static_cast<double>(counters.compute_ns) * 1e-9;
    if (const auto front = pipeline_->next_to_begin()) {
      message.lease = front->lease;
      message.begun = front->sample_index;
    } else if (!leases_.empty()) {  // ids grow: the last one handed out
      message.lease = leases_.rbegin()->first;
      message.begun = leases_.rbegin()->second.last;
    }
  }
  channel_.send(0, message);
  next_heartbeat_s_ = now_s() + setup_.options.run.heartbeat_s;
}

}  // namespace tilepool
