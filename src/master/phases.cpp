#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/error.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/base/units.h"
#include "common/model/options_json.h"
#include "common/run/atomic_file.h"
#include "common/run/calibration_file.h"
#include "common/run/pack_guard.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"
#include "common/run/scan_file.h"
#include "common/run/strip_file.h"
#include "common/run/time_use.h"
#include "master/committed_tiles.h"
#include "master/ledger.h"
#include "master/master.h"

namespace tilepool {

namespace {
constexpr int kMaxStripRounds = 2;

/// For slides and strips: each is a lease, none is worth repeating.
SchedulerOptions one_at_a_time() {
  SchedulerOptions options;
  options.max_range = 1;
  options.sequential = false;
  options.straggler_factor = 1e9;
  return options;
}

}  // namespace

void Master::phase_done() {
  if (phase_ == Phase::kScan) return cut_slides_.empty() ? after_scan() : start_strips();
  if (phase_ == Phase::kScanStrips) return start_joining_strips();
  if (phase_ == Phase::kCalibrate) {
    merge_calibrations();
    return start_process();
  }
  if (phase_ == Phase::kProcess) return start_pack();
}

void Master::start_scan(const std::vector<WorkInterval>& slides) {
  start_phase(Phase::kScan, slides, one_at_a_time());
}

// Slides too large for one worker: all workers read their strips, then the slides are leased again
// and judged from these.
void Master::start_strips() {
  if (strip_rounds_++ == kMaxStripRounds) {
    for (const auto& [slide, cut] : std::exchange(cut_slides_, {}))
      give_up(slide, fmt::format("its {} strips were read {} times and are not there; does the "
                                 "slide change while it is read?",
                                 cut.strips, kMaxStripRounds));
    return after_scan();
  }
  std::vector<WorkInterval> work;
  std::uint64_t strips = 0;
  for (const auto& [slide, cut] : cut_slides_) {
    work.push_back({strip_index(slide, 0), strip_index(slide, cut.strips), 0});
    strips += cut.strips;
  }
  events_->write("info", 0, "strips",
                 {{"slides", static_cast<std::int64_t>(cut_slides_.size())},
                  {"strips", static_cast<std::int64_t>(strips)}});
  start_phase(Phase::kScanStrips, work, one_at_a_time());
}

void Master::start_joining_strips() {
  std::vector<WorkInterval> slides;
  for (const auto& [slide, cut] : std::exchange(cut_slides_, {}))
    slides.push_back({slide, slide + 1, 0});
  start_scan(slides);
}

// What failed for good is committed as failed: resuming does not try it again and again.
void Master::give_up(std::uint64_t index, const std::string& reason) {
  events_->write("error", 0, "given-up",
                 {{"index", static_cast<std::int64_t>(index)}, {"reason", reason}});
  if (phase_ == Phase::kScan) {
    // A plan made from its earlier scan stands; only its tiles may still fail.
    if (std::filesystem::exists(setup_.layout.plan())) return;
    const SlideSpec& slide = setup_.run.cohort.at(index);
    SlideScan scan;
    scan.slide_id = slide.id;
    scan.path = slide.path;
    scan.failed = true;
    scan.reason = reason;
    return write_scan(setup_.layout.scan_file(slide.id), scan, {});
  }
  if (phase_ == Phase::kScanStrips) {
    const std::uint64_t slide = index / kMaxStrips;
    const CutSlide& cut = cut_slides_.at(slide);
    const auto strip = static_cast<std::int64_t>(index % kMaxStrips);
    return write_given_up_strip(
        setup_.layout.scan_strip(setup_.run.cohort.at(slide).id, index % kMaxStrips),
        {cut.fingerprint, strip, static_cast<std::int64_t>(cut.strips)}, reason);
  }
  if (phase_ == Phase::kCalibrate) {
    const std::string& id = setup_.run.cohort.at(index).id;
    return write_slide_calibration(setup_.layout.slide_calibration(id),
                                   {id, {}, {}, "not calibrated: " + reason});
  }
  const PoolTile tile = PlanReader(setup_.layout.plan()).sample_tiles(index, 1).at(0);
  RangeResult range;
  range.generation = generation_;
  range.first = range.last = index;
  range.pipeline_id = identity_.pipeline_id;
  TileResult failed;
  failed.status = TileStatus::kFailed;
  failed.reason = reason;
  failed.tile_features.assign(schema_.tile_features.size(),
                              std::numeric_limits<float>::quiet_NaN());
  append_tile(range, {tile.slide, tile.x, tile.y}, failed);
  write_range(setup_.layout.range_file(generation_, index, index), schema_, range);
  ++status_.tiles_failed;
}

void Master::refuse_changed_slides() {
  if (changed_.empty()) return;
  std::sort(changed_.begin(), changed_.end());
  std::string list;
  for (const std::string& slide : changed_) list += "\n  " + slide;
  fail(ErrorCode::kConfig,
       "{} of {} slides are not what they were when this run was planned:{}\nNothing was computed "
       "and nothing was lost. Put the former files back, or start again with another --run-dir or "
       "--fresh.",
       changed_.size(), status_.slides, list);
}

void Master::after_scan() {
  refuse_changed_slides();
  remove_strips(setup_.layout.scan_dir());
  status_.state = "planning";
  identity_ = identify_run(setup_.layout, options_, setup_.run.cohort, budget_);
  status_.job_id = identity_.job_id;
  setup_.check_pipeline(identity_.pipeline_id);
  make_plan();
  const PlanReader plan(setup_.layout.plan());
  status_.grid = status_.pool = status_.sample = 0;
  status_.slides_failed = status_.slides_skipped = 0;
  for (const PlanSlide& slide : plan.slides()) {
    status_.grid += static_cast<std::uint64_t>(slide.n_grid);
    status_.slides_failed += slide.status == "failed" ? 1 : 0;
    status_.slides_skipped += slide.status == "skipped" ? 1 : 0;
  }
  status_.pool = plan.pool_size();
  status_.sample = plan.sample_size();
  events_->write("info", 0, "planned",
                 {{"generation", std::int64_t{generation_}},
                  {"grid", static_cast<std::int64_t>(status_.grid)},
                  {"pool", static_cast<std::int64_t>(status_.pool)},
                  {"sample", static_cast<std::int64_t>(status_.sample)}});
  progress_.clear();
  if (!setup_.quiet)
    log_info("plan: {} slides ({} failed, {} skipped), {} of {} tiles hold tissue, {} sampled",
             status_.slides, status_.slides_failed, status_.slides_skipped, status_.pool,
             status_.grid, status_.sample);
  start_calibrate();
}

// The plan of this very job is kept; one of a smaller sample of it is grown into the next
// generation, which knows the tiles already committed.
void Master::make_plan() {
  fault_point(FaultPoint::kPlan, 0);
  PlanHead head;
  head.seed = options_.sample.seed;
  head.job_id = identity_.job_id;
  head.pipeline_id = identity_.pipeline_id;
  head.config = identity_.config;
  head.variance_threshold =
      cohort_variance_threshold(setup_.layout, options_, setup_.run.cohort, budget_);
  if (!std::filesystem::exists(setup_.layout.plan())) {
    build_plan(
        setup_.layout, options_, setup_.run.cohort, head, [](auto, auto, auto) { return false; },
        budget_);
    generation_ = 0;
    return;
  }
  const PlanHead earlier = PlanReader(setup_.layout.plan()).head();
  generation_ = earlier.generation;
  if (earlier.job_id == identity_.job_id) {
    log_info("resuming: the plan of this job is there");
    return;
  }
  check(earlier.pipeline_id == identity_.pipeline_id, ErrorCode::kConfig,
        "the slides in {} were planned under another pipeline ({} instead of {}); use another "
        "--run-dir or --fresh",
        setup_.layout.root().string(), earlier.pipeline_id, identity_.pipeline_id);
  const CommittedTiles committed(setup_.layout, schema_, identity_.pipeline_id);
  head.generation = ++generation_;
  build_plan(
      setup_.layout, options_, setup_.run.cohort, head,
      [&](std::uint32_t slide, std::int64_t x, std::int64_t y) {
        return committed.contains(slide, x, y);
      },
      budget_);
  log_info("growing the sample: tiles committed before are kept");
}

void Master::start_calibrate() {
  std::vector<WorkInterval> work;
  if (setup_.needs_calibration) {
    const std::vector<PlanSlide> slides = PlanReader(setup_.layout.plan()).slides();
    for (std::size_t i = 0; i < slides.size(); ++i)
      if (slides[i].status == "success" &&
          !std::filesystem::exists(setup_.layout.slide_calibration(slides[i].id)))
        work.push_back({i, i + 1, 0});
  }
  status_.state = "calibrating";
  start_phase(Phase::kCalibrate, work, one_at_a_time());
}

void Master::merge_calibrations() {
  if (!setup_.needs_calibration) return;
  std::vector<SlideCalibration> all;
  const PlanReader plan(setup_.layout.plan());
  for (const PlanSlide& slide : plan.slides()) {
    const auto file = setup_.layout.slide_calibration(slide.id);
    if (!std::filesystem::exists(file)) continue;
    all.push_back(read_slide_calibration(file));
    if (stains_left(all.back()))
      events_->write("warning", 0, "stains-left",
                     {{"slide", slide.id}, {"reason", all.back().note}});
  }
  write_calibration(setup_.layout.calibration(), all,
                    {{"variance_threshold", plan.head().variance_threshold}});
}

// Stretches of the sample without a committed tile; tiles carried over from an earlier generation
// may lie inside and are passed over by the worker.
std::vector<WorkInterval> Master::uncommitted() {
  const CommittedTiles committed(setup_.layout, schema_, identity_.pipeline_id);
  for (const std::string& damage : committed.damaged()) {
    log_warning("{}: removed; its tiles are computed again", damage);
    events_->write("warning", 0, "range-damaged", {{"reason", damage}});
  }
  const PlanReader plan(setup_.layout.plan());
  status_.tiles_done = status_.tiles_failed = status_.cells = 0;
  std::vector<WorkInterval> work;
  bool open = false;
  constexpr std::uint64_t kBlock = 65536;
  for (std::uint64_t first = 0; first < plan.sample_size(); first += kBlock) {
    const std::uint64_t count = std::min(kBlock, plan.sample_size() - first);
    const auto tiles = plan.sample_tiles(first, count);
    const auto carried = plan.carried(first, count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const PoolTile& tile = tiles[i];
      const TileStatus state = committed.status(tile.slide, tile.x, tile.y);
      status_.tiles_done += state == TileStatus::kDone ? 1 : 0;
      status_.tiles_failed += state == TileStatus::kFailed ? 1 : 0;
      status_.cells += committed.cells(tile.slide, tile.x, tile.y);
      if (state != TileStatus::kPending) {
        open = open && carried[i] != 0;
        continue;
      }
      check(carried[i] == 0, ErrorCode::kHdf5,
            "a range file of an earlier, smaller sample is damaged; its tiles must be planned "
            "again: remove {} and run the same command again",
            setup_.layout.plan().string());
      if (!open) work.push_back({first + i, first + i, 0});
      work.back().last = first + i + 1;
      open = true;
    }
  }
  status_.tiles_resumed = status_.tiles_done + status_.tiles_failed;
  return work;
}

void Master::start_process() {
  const std::vector<WorkInterval> work = uncommitted();
  if (status_.tiles_resumed > 0 && !setup_.quiet)
    log_info("{} of {} tiles are committed already", status_.tiles_resumed, status_.sample);
  status_.state = "processing";
  process_begin_s_ = now_s();
  SchedulerOptions options;
  options.max_range = static_cast<std::uint64_t>(options_.run.range_tiles);
  start_phase(Phase::kProcess, work, options);
}

// The workers hear of it first: in one process they must give their buffers back before packing.
void Master::start_pack() {
  refresh_status();
  scheduler_.reset();
  phase_ = Phase::kPack;
  pack_begin_s_ = now_s();
  status_.state = "packing";
  events_->write("info", 0, "pack", {});
}

void Master::pack() {
  if (const std::string use = time_use(status_); !use.empty() && !setup_.quiet) {
    progress_.clear();
    log_info("time: {}", use);
  }
  const auto index = pack_index_path(setup_.layout);
  const PackIndexSummary summary = write_pack_index(setup_.layout, schema_, index, &budget_);
  if (summary.missing > 0 && repacks_++ < 2) {
    log_warning("{} tiles are missing from the range files; computing them again", summary.missing);
    return start_process();
  }
  check(summary.missing == 0, ErrorCode::kInternal, "{} of {} tiles are missing after processing",
        summary.missing, summary.samples);
  status_.tiles_failed = summary.failed;
  status_.tiles_done = summary.samples - summary.failed;
  status_.cells = summary.cells;
  const std::filesystem::path results = setup_.layout.results();
  if (results_job_id(results) != identity_.job_id || !setup_.scored(results))
    write_results(index);
  else if (!setup_.quiet)
    log_info("results.h5 of this job is there already");
  finish_books();
  std::filesystem::remove(index);
}

// Whom to pack with; nullopt: nobody. Where the library knows who is dead it can leave out those,
// but not ranks that it believes alive.
std::optional<Pack> Master::packing_order(std::size_t block_bytes) {
  Pack order{block_bytes};
  std::size_t living = 0;
  for (const auto& [rank, peer] : peers_) {
    if (peer.alive)
      ++living;
    else if (order.n_lost++ < kMaxLostPackers)
      order.lost[order.n_lost - 1] = rank;
  }
  const std::size_t known_dead = channel_.dead_ranks().size();
  order.shrink = known_dead > 0 ? 1 : 0;
  const bool shrinks = known_dead == 0 || known_dead == order.n_lost;
  if (!setup_.pack_together || living == 0 || order.n_lost > kMaxLostPackers || !shrinks)
    return std::nullopt;
  if (std::filesystem::exists(setup_.layout.packing_mark())) {
    log_warning("packing together did not end last time; packing alone");
    return std::nullopt;
  }
  return order;
}

// All ranks that are left pack together, unless the last attempt to do so did not come back.
void Master::write_results(const std::filesystem::path& index) {
  std::size_t block_bytes = 8 * kMiB;
  while (pack_memory_bytes(block_bytes) > budget_.limit_bytes() && block_bytes > kMiB)
    block_bytes /= 2;
  const PackJob job{setup_.layout,   schema_,          setup_.class_names,
                    options_.output, options_.patches, options_.tiles.size_px,
                    block_bytes};
  const std::optional<Pack> order = packing_order(block_bytes);
  // One that was left behind may hold the last attempt's failure.
  const std::filesystem::path mark = setup_.layout.packing_mark();
  if (order || std::filesystem::exists(mark)) PackGuard::make_mark(mark);
  const PackGuard guard(mark, options_.run.silent_limit_s, setup_.stop_asked,
                        [this](int code, const std::string& why) {
                          status_.state = code == 75 ? "stopped" : "failed";
                          status_.exit_code = code;
                          status_.message = why;
                          log_error("{}; run the same command again to resume", why);
                          write_status(setup_.layout.status(), status_);
                          setup_.leave(code);
                        });
  if (order) {
    for (const auto& [rank, peer] : peers_)
      if (peer.alive) channel_.send(rank, *order);
    pack_together(job, *order);
  } else {
    pack_results(job, index, telemetry(), std::nullopt, budget_);
  }
  setup_.score(packing_path(setup_.layout));
  commit_results(setup_.layout);
  std::filesystem::remove(mark);
}

// A death while packing is an error only where the library tells of it; elsewhere the guard ends
// it.
void Master::pack_together(const PackJob& job, const Pack& order) {
  packing_ = true;
  try {
    setup_.pack_together(job, telemetry(), order, budget_);
  } catch (const Error& error) {
    const std::vector<int> dead = channel_.dead_ranks();
    if (dead.size() <= order.n_lost) throw;
    fail(ErrorCode::kStopped, "a rank died while packing: {}", one_line(error.what()));
  }
  packing_ = false;
}

void Master::finish_books() {
  if (lost_workers_)  // what they were writing; one that is only asleep fails to rename it
    for (const auto& folder : {setup_.layout.scan_dir(), setup_.layout.ranges_dir()})
      remove_temporaries(folder);
  const std::vector<FinalSlide> slides =
      final_slides(setup_.layout, pack_index_path(setup_.layout), schema_.items);
  write_ledger(setup_.layout, slides);
  status_.slides_failed = status_.slides_skipped = 0;
  for (const FinalSlide& slide : slides) {
    status_.slides_failed += slide.status == "failed" ? 1 : 0;
    status_.slides_skipped += slide.status == "skipped" ? 1 : 0;
  }
  const bool failures = status_.slides_failed > 0 || status_.tiles_failed > 0;
  end("done", failures ? 3 : 0,
      failures ? fmt::format("{} of {} slides and {} of {} tiles failed; {} says which and why",
                             status_.slides_failed, status_.slides, status_.tiles_failed,
                             status_.sample, setup_.layout.ledger().string())
               : "");
}

Telemetry Master::telemetry() const {
  Telemetry telemetry;
  telemetry.text = {
      {"run_uuid", status_.run_uuid}, {"started", status_.started}, {"packed", iso8601_now()}};
  for (const auto& [key, value] : setup_.run.provenance) telemetry.text[key] = value;
  telemetry.numbers = {{"elapsed_s", now_s()},
                       {"processing_s", status_.processing_s},
                       {"tiles_resumed", static_cast<double>(status_.tiles_resumed)},
                       {"generation", static_cast<double>(generation_)}};
  for (const RankStatus& rank : status_.ranks) {
    auto& numbers = telemetry.rank_numbers;
    auto& text = telemetry.rank_text;
    numbers["rank"].push_back(rank.rank);
    numbers["threads"].push_back(static_cast<double>(rank.threads));
    numbers["limit_bytes"].push_back(static_cast<double>(rank.budget_bytes));
    numbers["peak_bytes"].push_back(static_cast<double>(rank.peak_rss_bytes));
    numbers["tiles"].push_back(static_cast<double>(rank.tiles));
    numbers["pixels_read"].push_back(static_cast<double>(rank.pixels_read));
    numbers["read_s"].push_back(rank.read_s);
    numbers["compute_s"].push_back(rank.compute_s);
    numbers["commit_s"].push_back(rank.commit_s);
    numbers["wait_read_s"].push_back(rank.wait_read_s);
    numbers["wait_commit_s"].push_back(rank.wait_commit_s);
    numbers["wait_lease_s"].push_back(rank.wait_lease_s);
    numbers["device_busy_s"].push_back(rank.device_busy_s);
    numbers["device_limit_bytes"].push_back(static_cast<double>(rank.device_budget_bytes));
    numbers["device_peak_bytes"].push_back(static_cast<double>(rank.device_peak_bytes));
    numbers["staged_slides"].push_back(static_cast<double>(rank.staged_slides));
    numbers["staged_bytes"].push_back(static_cast<double>(rank.staged_bytes));
    text["role"].push_back(rank.role);
    text["host"].push_back(rank.host);
    text["device"].push_back(rank.device);
    text["gpu_uuid"].push_back(rank.gpu_uuid);
  }
  return telemetry;
}

}  // namespace tilepool
