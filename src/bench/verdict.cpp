#include "bench/verdict.h"

#include <algorithm>

#include <fmt/format.h>

#include "bench/file_rate.h"
#include "common/base/units.h"
#include "report/html.h"

namespace tilepool {
namespace {

std::string rate(double mpx_s) { return significant(mpx_s) + " Mpx/s"; }
std::string times(double ratio) { return significant(ratio) + " times"; }
std::string bytes_rate(double bytes_s) {
  return bytes_s >= 1e9 ? significant(bytes_s * 1e-9) + " GB/s"
                        : significant(bytes_s * 1e-6) + " MB/s";
}

/// Whether a decoding thread would wait most of its time for JPEG tiles that are in no cache.
bool places_slow(const BenchSummary& summary) {
  const double one = one_thread_mpx_s(summary.limit);
  return summary.random_read_s && summary.random_px > 0 && one > 0 &&
         summary.random_px * 1e-6 / *summary.random_read_s < kSlowPlaces * one;
}

std::string arrival_of_a_tile(const BenchSummary& summary) {
  return fmt::format("A JPEG tile takes {} ms to arrive from the file system and {} ms to decode",
                     significant(1e3 * *summary.random_read_s),
                     significant(1e3 * summary.random_px * 1e-6 / one_thread_mpx_s(summary.limit)));
}

BenchFinding bound_by_places(const BenchSummary& summary, const JobFigures& job) {
  return {"bound-by-file-system",
          fmt::format("Computing threads waited for reads {} of their time, though reading is fast "
                      "once the file is cached. {}: the job is bound by the file system. Stage the "
                      "slides to a local disk.",
                      percent(job.wait_read, 1), arrival_of_a_tile(summary))};
}

BenchFinding bound_by_file(const BenchSummary& summary, double job) {
  return {"bound-by-file-system",
          fmt::format("The job is bound by the file system: it gives {}, which is {} of these "
                      "slides, and the job takes {}. Stage the slides to a local disk.",
                      bytes_rate(*summary.file_bytes_s), rate(*summary.file_mpx_s), rate(job))};
}

BenchFinding bound_by_reading(const BenchSummary& summary, const JobFigures& job, double lead) {
  return {"bound-by-reading",
          fmt::format("Reading delivers {} times what the job takes ({} of {}), and computing "
                      "threads waited for reads {} of their time: the job is bound by reading.{}",
                      significant(lead), rate(most_threads_mpx_s(summary.reading)), rate(job.mpx_s),
                      percent(job.wait_read, 1),
                      summary.reads_directly ? " More cores help; more GPUs do not." : "")};
}

BenchFinding bound_by_computing(const BenchSummary& summary, const JobFigures& job, double lead) {
  const std::string numbers =
      fmt::format("Reading delivers {} what the job takes ({} of {})", times(lead),
                  rate(most_threads_mpx_s(summary.reading)), rate(job.mpx_s));
  if (job.gpu_busy)
    return {"bound-by-computing", numbers +
                                      ": the job is bound by computing. More GPUs help; "
                                      "faster storage does not."};
  if (lead >= kAmpleReading)
    return {"bound-by-computing",
            fmt::format("{}: the job is bound by computing. More cores or a GPU help; reading that "
                        "costs nothing would save {} of the time.",
                        numbers, percent(1 / lead, 1))};
  return {"computing-and-reading",
          fmt::format("{}: reading is {} of the work of its cores, computing the rest. Both count.",
                      numbers, percent(1 / lead, 1))};
}

/// What binds the job.
BenchFinding bound(const BenchSummary& summary, const JobFigures& job) {
  const double reading = most_threads_mpx_s(summary.reading);
  if (!job.problem.empty() || !(job.mpx_s > 0))
    return {"job-not-known", "What binds the job is not known, since its own rate is not: " +
                                 (job.problem.empty() ? "it processed nothing" : job.problem) +
                                 "."};
  if (!(reading > 0)) return {"reading-not-known", "How fast the slides are read is not known."};
  const bool file_known = summary.file_mpx_s && *summary.file_bytes_s <= kCacheBytes_s;
  if (file_known && *summary.file_mpx_s < kScarceFile * job.mpx_s)
    return bound_by_file(summary, job.mpx_s);
  const double lead = reading / job.mpx_s;
  const bool waits = job.wait_read >= kMuchWaiting;
  if (waits && lead >= kAmpleReading && places_slow(summary)) return bound_by_places(summary, job);
  const bool starves = waits && (job.gpu_busy || lead < kAmpleReading);
  if (lead < kScarceReading || starves) return bound_by_reading(summary, job, lead);
  return bound_by_computing(summary, job, lead);
}

void judge_files(const BenchSummary& summary, const JobFigures& job,
                 std::vector<BenchFinding>& findings) {
  if (!summary.file_bytes_s) return;
  const double limit = most_threads_mpx_s(summary.limit);
  const bool ample = job.mpx_s > 0 && *summary.file_mpx_s >= kAmpleReading * job.mpx_s;
  if (*summary.file_bytes_s > kCacheBytes_s) {
    findings.push_back(
        {"file-cached", fmt::format("The file system gave {}: a cache may have answered, here or "
                                    "on its servers; slides nobody read lately may be slower.",
                                    bytes_rate(*summary.file_bytes_s))});
  } else if (limit > 0 && *summary.file_mpx_s < kFileBelowLimit * limit && !ample) {
    findings.push_back(
        {"file-slow",
         fmt::format("The file system gives {} to one thread, which is {} of what the "
                     "decoder could take ({} of {}): stage slides to a local disk if "
                     "reading matters.",
                     bytes_rate(*summary.file_bytes_s), percent(*summary.file_mpx_s, limit),
                     rate(*summary.file_mpx_s), rate(limit))});
  }
  if (places_slow(summary))
    findings.push_back(
        {"places-slow", fmt::format("{}: threads that read tiles which are in no cache wait. More "
                                    "of them (/workers/readers), or a local disk.",
                                    arrival_of_a_tile(summary))});
}

void judge_scaling(const BenchSummary& summary, std::vector<BenchFinding>& findings) {
  const double one = one_thread_mpx_s(summary.reading);
  const int threads = summary.reading.empty() ? 1 : summary.reading.back().threads;
  if (threads < 2 || !(one > 0)) return;
  const double gain = most_threads_mpx_s(summary.reading) / one;
  if (gain >= kPoorScaling * threads) return;
  const double limit_one = one_thread_mpx_s(summary.limit);
  const bool limit_too =
      limit_one > 0 && most_threads_mpx_s(summary.limit) / limit_one < kPoorScaling * threads;
  findings.push_back(
      {"reading-scales-poorly",
       fmt::format("{} threads read {} what one does.{}", threads, times(gain),
                   limit_too ? " Decoding from memory gains as little: these cores are shared with "
                               "others, or are two threads of one core."
                             : "")});
}

void judge_sources(const BenchSummary& summary, std::vector<BenchFinding>& findings) {
  const double direct = most_threads_mpx_s(summary.direct);
  const double openslide = most_threads_mpx_s(summary.openslide);
  const double limit = most_threads_mpx_s(summary.limit);
  if (!summary.reads_directly && direct > kWorthDirect * openslide && openslide > 0)
    findings.push_back(
        {"reader", fmt::format("The direct source reads these slides {} as fast as OpenSlide: "
                               "write \"auto\" at /workers/reader.",
                               times(direct / openslide))});
  // Tiles that windows share are decoded for each; without that a limit would be lower.
  if (direct > 0 && direct < kFarFromLimit * limit / std::max(1.0, summary.touched_ratio))
    findings.push_back({"far-from-limit", fmt::format("The direct source reaches {} of the decode "
                                                      "limit.",
                                                      percent(direct, limit))});
  if (summary.touched_ratio >= kMuchTouched)
    findings.push_back(
        {"much-touched",
         fmt::format("A tile with its halo touches {} its pixels in JPEG tiles, all of which are "
                     "parsed: larger tiles (/tiles/size_px) read less for the same tissue.",
                     times(summary.touched_ratio))});
}

void judge_job(const BenchSummary& summary, const JobFigures& job,
               std::vector<BenchFinding>& findings) {
  if (!job.problem.empty()) return;
  if (!job.gpu_busy && job.wait_read >= kMuchWaiting && !places_slow(summary) &&
      most_threads_mpx_s(summary.reading) >= kAmpleReading * job.mpx_s)
    findings.push_back({"waits-for-reads",
                        fmt::format("Computing threads waited {} of their time for reads although "
                                    "reading is fast: the cores are shared with others, or tiles "
                                    "that nobody read before come slowly.",
                                    percent(job.wait_read, 1))});
  if (job.wait_commit >= kSlowCommits)
    findings.push_back({"commits-slow", fmt::format("Computing threads waited {} of their time for "
                                                    "commits: the file system of the run directory "
                                                    "is slow; try another --run-dir.",
                                                    percent(job.wait_commit, 1))});
  if (job.gpu_busy && *job.gpu_busy < kIdleGpu)
    findings.push_back({"gpu-idle", fmt::format("The GPU was busy for {} of processing: it waits "
                                                "for the rest. More ranks a GPU, or more cores.",
                                                percent(*job.gpu_busy, 1))});
  if (job.tiles_failed > 0)
    findings.push_back({"tiles-failed", fmt::format("{} of {} tiles failed: these figures are not "
                                                    "those of a sound job.",
                                                    job.tiles_failed, job.sample)});
}

}  // namespace

std::vector<BenchFinding> judge(const BenchFigures& figures, const BenchSummary& summary) {
  std::vector<BenchFinding> findings = {bound(summary, figures.job)};
  judge_files(summary, figures.job, findings);
  judge_scaling(summary, findings);
  judge_sources(summary, findings);
  judge_job(summary, figures.job, findings);
  return findings;
}

}  // namespace tilepool
