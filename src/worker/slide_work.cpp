#include "worker/slide_work.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/crash_note.h"
#include "common/base/error.h"
#include "common/base/fault.h"
#include "common/run/tissue_decision.h"
#include "cuda/trace.h"
#include "worker/calibrate.h"
#include "worker/scan_slide.h"
#include "worker/scan_strips.h"
#include "worker/slide_regions.h"

namespace tilepool {

namespace {
constexpr char kContentChanged[] = "its content changed";
}  // namespace

struct SlideWork::ScanJob {
  std::uint64_t lease = 0;
  SlideSpec spec;
  std::filesystem::path file;  ///< that the scan is committed to
  bool planned = false;        ///< a plan was made from the scan
  bool known = false, known_failed = false;
  std::string known_print, known_regions;
};

SlideWork::SlideWork(const Options& options, const RunLayout& layout, const RunDescription& run,
                     const MemoryPlan& plan, Budget& budget, SlidePool& slides, LeaseDesk& desk)
    : options_(options),
      layout_(layout),
      run_(run),
      budget_(budget),
      slides_(slides),
      desk_(desk),
      scans_(plan.data_bytes),
      jobs_(plan.read_threads == 0 ? 0 : plan.compute_threads) {}

// What the job or its completion throws fails the lease.
void SlideWork::in_background(const Work& work, std::function<Completion()> job) {
  jobs_.submit(work.lease, [this, work, job = std::move(job)]() -> Completion {
    const InHand note(static_cast<std::uint32_t>(work.kind), 0, work.first);
    const TraceRange trace(work.kind == WorkKind::kCalibrate ? "calibrate slide" : "scan slide");
    try {
      return [this, lease = work.lease, complete = job()] {
        try {
          complete();
        } catch (const Error& error) {
          desk_.failed(lease, error);
        }
      };
    } catch (const Error& error) {
      return [this, lease = work.lease, error] { desk_.failed(lease, error); };
    }
  });
}

// One slide: opened, judged, its scan committed. A scan that is there already is kept when the
// slide is still the same; once a plan was made from it, a slide that differs is told, not scanned
// anew.
void SlideWork::scan(const Work& work) {
  ScanJob job;
  job.lease = work.lease;
  job.spec = run_.cohort.at(work.first);
  job.file = layout_.scan_file(job.spec.id);
  job.planned = std::filesystem::exists(layout_.plan());
  if (std::filesystem::exists(job.file)) {
    const SlideScan known = read_scan(job.file, {}, budget_);
    job.known = true;
    job.known_failed = known.failed;
    job.known_print = known.info.fingerprint;
    job.known_regions = known.annotations_print;
  }
  in_background(work, [this, job, index = work.first] {
    fault_point(FaultPoint::kScan, index);
    return scan_in_background(job);
  });
}

// A slide that cannot be read, or not within the budget, has failed for this cohort: that is its
// scan.
SlideWork::Completion SlideWork::scan_in_background(const ScanJob& job) try {
  return scan_or_ask(job);
} catch (const Error& error) {
  if (error.code() != ErrorCode::kSlide && error.code() != ErrorCode::kBudget) throw;
  return [this, job, reason = one_line(error.what())] {
    SlideScan scan;
    scan.slide_id = job.spec.id;
    scan.path = job.spec.path;
    scan.failed = true;
    scan.reason = reason;
    commit_scan(job, scan, {}, 0);
  };
}

// A slide of several strips is judged once all of them are there. A planned run never reads it
// again: one that was planned as failed stays so, any other has changed.
SlideWork::Completion SlideWork::scan_or_ask(const ScanJob& job) {
  check(job.spec.problem.empty(), ErrorCode::kSlide, "{}", job.spec.problem);
  const auto source = slides_.get(job.spec.path, job.spec.mpp);
  const SlideInfo& info = source->info();
  if (job.known && !job.known_failed && info.fingerprint == job.known_print) {
    if (regions_print(job.spec, options_.annotations) == job.known_regions)
      return [this, lease = job.lease] { desk_.done(lease); };
    if (job.planned)
      return [this, job] {
        tell_changed(job.lease, "its annotations changed: " + job.spec.annotations);
      };
  }
  check_scannable(info, options_);
  const std::int64_t strips = count_strips(info, options_);
  const auto ask = [this, strips, lease = job.lease, print = info.fingerprint] {
    ask_for_strips(lease, strips, print);
  };
  if (strips > 1 && job.planned)
    return [this, job] {
      job.known_failed ? desk_.done(job.lease) : tell_changed(job.lease, kContentChanged);
    };
  if (strips > 1 && !strips_exist(layout_, job.spec.id, strips)) return ask;
  const auto pass =
      std::make_shared<Admission::Pass>(scans_, scan_slide_bytes(job.spec, info, options_));
  const auto scan = std::make_shared<std::optional<SlideScan>>(
      strips == 1 ? scan_slide(job.spec, *source, options_, budget_)
                  : scan_from_strips(job.spec, *source, strips, layout_, options_, budget_));
  if (!*scan) return ask;
  const auto images = std::make_shared<PackedImages>(pack_images((*scan)->tissue, budget_));
  return [this, job, pass, scan, images, strips] { commit_scan(job, **scan, *images, strips); };
}

void SlideWork::commit_scan(const ScanJob& job, const SlideScan& scan, const PackedImages& images,
                            std::int64_t strips) {
  if (job.known_failed && scan.failed) return desk_.done(job.lease);
  if (job.planned) return tell_changed(job.lease, scan.failed ? scan.reason : kContentChanged);
  write_scan(job.file, scan, images);
  if (strips > 1) discard_strips(layout_, scan.slide_id, strips);
  desk_.done(job.lease);
}

void SlideWork::tell_changed(std::uint64_t lease, const std::string& what) {
  desk_.finish(lease, LeaseEnd::kChanged, what, ErrorCode::kSlide);
}

void SlideWork::ask_for_strips(std::uint64_t lease, std::int64_t strips,
                               const std::string& fingerprint) {
  Finished message;
  message.lease = lease;
  message.end = LeaseEnd::kStrips;
  message.strips = checked_cast<std::uint64_t>(strips);
  message.fingerprint.set(fingerprint);
  desk_.answer(message);
}

// Strips are plain files, so a job commits its own.
void SlideWork::scan_strip(const Work& work) {
  const SlideSpec spec = run_.cohort.at(work.first / kMaxStrips);
  in_background(work, [this, spec, work]() -> Completion {
    fault_point(FaultPoint::kStrip, work.first);
    const auto index = checked_cast<std::int64_t>(work.first % kMaxStrips);
    const auto source = slides_.get(spec.path, spec.mpp);
    const Admission::Pass pass(scans_, strip_bytes(source->info(), options_));
    commit_strip(layout_, spec.id, *source, index, options_, budget_);
    return [this, lease = work.lease] { desk_.done(lease); };
  });
}

// The mask is read here (one thread speaks HDF5) and given up once the patches are chosen.
void SlideWork::calibrate(const Work& work, const OpenPlan& plan) {
  const std::string id = plan.slide(work.first).id;
  const SlideSpec spec = run_.cohort.at(work.first);
  const std::filesystem::path file = layout_.slide_calibration(id);
  if (std::filesystem::exists(file)) return desk_.done(work.lease);
  SlideScan head = read_scan(
      layout_.scan_file(id),
      {.mask = true, .variance = options_.tissue.method == TissueMethod::kVariance}, budget_);
  decide_tissue(head, options_.tissue, plan.head().variance_threshold, budget_);
  const std::vector<Rect> patches = calibration_patches(head, options_, budget_);
  in_background(work,
                [this, id, spec, file, patches, grid = head.grid, modality = head.modality,
                 work]() -> Completion {
                  fault_point(FaultPoint::kCalibrate, work.first);
                  const auto source = slides_.get(spec.path, spec.mpp);
                  const Admission::Pass pass(scans_, calibrate_slide_bytes(options_));
                  // The master's options: they hold the target of stain normalisation.
                  const SlideCalibration result =
                      calibrate_slide(id, *source, grid, modality, patches, run_.options, budget_);
                  return [this, lease = work.lease, file, result] {
                    write_slide_calibration(file, result);
                    desk_.done(lease);
                  };
                });
}

void SlideWork::stop() {
  for (const std::uint64_t lease : jobs_.drop_waiting()) desk_.dropped(lease, "stopping");
}

}  // namespace tilepool
