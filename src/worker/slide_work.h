#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "common/memory/admission.h"
#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/run/layout.h"
#include "common/run/run_json.h"
#include "common/run/scan_file.h"
#include "common/slide/slide_pool.h"
#include "worker/job_pool.h"
#include "worker/lease_desk.h"
#include "worker/memory_plan.h"
#include "worker/open_plan.h"

namespace tilepool {

/// The leases of whole slides: scanning (at once or by strips) and calibrating. Slides are read by
/// threads in the background; HDF5 files are read and committed in the calling thread.
class SlideWork {
 public:
  /// All references must outlive it; `run` may be filled later.
  SlideWork(const Options& options, const RunLayout& layout, const RunDescription& run,
            const MemoryPlan& plan, Budget& budget, SlidePool& slides, LeaseDesk& desk);

  /// Each begins a lease, which is answered when poll() finds it finished.
  void scan(const Work& work);
  void scan_strip(const Work& work);
  void calibrate(const Work& work, const OpenPlan& plan);
  /// Commits and answers what one job in the background has finished; false when there is none.
  bool poll() { return jobs_.poll(); }
  [[nodiscard]] std::size_t unfinished() const { return jobs_.unfinished(); }
  /// Drops what was not begun.
  void stop();

 private:
  struct ScanJob;  ///< a slide to scan, and what is known of it
  using Completion = JobPool::Completion;
  void in_background(const Work& work, std::function<Completion()> job);
  [[nodiscard]] Completion scan_in_background(const ScanJob& job);
  [[nodiscard]] Completion scan_or_ask(const ScanJob& job);
  void commit_scan(const ScanJob& job, const SlideScan& scan, const PackedImages& images,
                   std::int64_t strips);
  void tell_changed(std::uint64_t lease, const std::string& what);
  void ask_for_strips(std::uint64_t lease, std::int64_t strips, const std::string& fingerprint);

  const Options& options_;
  const RunLayout& layout_;
  const RunDescription& run_;
  Budget& budget_;
  SlidePool& slides_;
  LeaseDesk& desk_;
  Admission scans_;  ///< scans that run side by side
  JobPool jobs_;     // last: joined before anything else goes
};

}  // namespace tilepool
