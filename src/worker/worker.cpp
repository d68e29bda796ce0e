#include "worker/worker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <unistd.h>

#include "common/base/system.h"
#include "common/base/units.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"
#include "common/run/scan_file.h"
#include "common/run/tissue_decision.h"
#include "worker/calibrate.h"
#include "worker/scan_slide.h"
#include "worker/tile_reader.h"

namespace tilepool {

namespace {
// A slow worker's finished tiles become durable at least this often.
constexpr double kCommitInterval_s = 20;
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
      begin_(std::chrono::steady_clock::now()) {
  Hello hello;
  hello.pid = static_cast<std::uint64_t>(::getpid());
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
    handle(*message);
    busy = true;
    if (exit_code_) return exit_code_;
  }
  if (now_s() >= next_heartbeat_s_) heartbeat();
  return exit_code_;
}

void Worker::handle(const Envelope& message) {
  switch (message.tag) {
    case Tag::kBegin:
      run_ = read_run_json(setup_.layout.run_json());
      return;
    case Tag::kWork:
      return on_work(message.as<Work>());
    case Tag::kCancel:
      return drop(message.as<Cancel>().lease);
    case Tag::kStop:
      return begin_stop();
    case Tag::kPack:
      pipeline_.reset();  // its memory is the pack's now
      setup_.pack(message.as<Pack>().block_bytes, budget_);
      return;
    case Tag::kExit:
      exit_code_ = checked_cast<int>(message.as<Exit>().code);
      return;
    default:
      fail(ErrorCode::kProtocol, "a worker got tag {} from rank {}", static_cast<int>(message.tag),
           message.from);
  }
}

void Worker::on_work(const Work& work) {
  if (stopping_) return finish(work.lease, LeaseEnd::kDropped, "stopping", ErrorCode::kStopped);
  try {
    switch (work.kind) {
      case WorkKind::kScan:
        return scan(work);
      case WorkKind::kCalibrate:
        return calibrate(work);
      case WorkKind::kRange:
        return process(work);
    }
    fail(ErrorCode::kProtocol, "work of unknown kind {}", static_cast<unsigned>(work.kind));
  } catch (const Error& error) {
    finish(work.lease, LeaseEnd::kFailed, error.what(), error.code());
  }
}

// One slide: opened, judged, its scan committed. A scan that is there already is kept when the
// slide is still the same; once a plan was made from it, a slide that differs is told, not scanned
// anew.
void Worker::scan(const Work& work) {
  const SlideSpec spec = run_.cohort.at(work.first);
  const std::filesystem::path file = setup_.layout.scan_file(spec.id);
  const bool planned = std::filesystem::exists(setup_.layout.plan());
  std::optional<SlideScan> known;
  if (std::filesystem::exists(file)) known = read_scan(file, {}, budget_);
  const bool known_failed = known && known->failed;
  const std::string known_print = known ? known->info.fingerprint : "";
  jobs_.submit(work.lease,
               [this, spec, file, planned, have = known.has_value(), known_failed, known_print,
                lease = work.lease]() -> JobPool::Completion {
                 auto result = std::make_shared<SlideScan>();
                 std::shared_ptr<Admission::Pass> pass;  // until the scan is committed
                 result->slide_id = spec.id;
                 result->path = spec.path;
                 try {
                   check(spec.problem.empty(), ErrorCode::kSlide, "{}", spec.problem);
                   const auto source = slides_.get(spec.path, spec.mpp);
                   if (have && !known_failed && source->info().fingerprint == known_print)
                     return [this, lease] { finish(lease); };
                   pass = std::make_shared<Admission::Pass>(
                       scans_, scan_slide_bytes(source->info(), setup_.options));
                   *result = scan_slide(spec, *source, setup_.options, budget_);
                 } catch (const Error& error) {
                   if (error.code() != ErrorCode::kSlide && error.code() != ErrorCode::kBudget) {
                     const std::string reason = error.what();
                     return [this, lease, reason, code = error.code()] {
                       finish(lease, LeaseEnd::kFailed, reason, code);
                     };
                   }
                   result->failed = true;
                   result->reason = one_line(error.what());
                 }
                 return [this, lease, file, planned, have, known_failed, pass, result] {
                   if (have && known_failed && result->failed) return finish(lease);
                   if (planned)
                     return finish(lease, LeaseEnd::kChanged,
                                   result->failed ? result->reason : "its content changed",
                                   ErrorCode::kSlide);
                   try {
                     write_scan(file, *result);
                     finish(lease);
                   } catch (const Error& error) {
                     finish(lease, LeaseEnd::kFailed, error.what(), error.code());
                   }
                 };
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
                lease = work.lease]() -> JobPool::Completion {
                 try {
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
    pipeline_ = std::make_unique<RangePipeline>(setup_.options, plan_, budget_, slides_);
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
  channel_.send(0, message);
}

void Worker::heartbeat() {
  Heartbeat message;
  message.rss_bytes = rss_bytes();
  message.peak_rss_bytes = peak_rss_bytes();
  message.commit_s = commit_s_;
  if (pipeline_ != nullptr) {
    const PipelineCounters& counters = pipeline_->counters();
    message.tiles_done = counters.tiles;
    message.pixels_read = counters.pixels;
    message.read_s = static_cast<double>(counters.read_ns) * 1e-9;
    message.compute_s = static_cast<double>(counters.compute_ns) * 1e-9;
  }
  channel_.send(0, message);
  next_heartbeat_s_ = now_s() + setup_.options.run.heartbeat_s;
}

}  // namespace tilepool
