#include "bench/bench.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "bench/job_bench.h"
#include "bench/slide_bench.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/slide/openslide_source.h"
#include "common/slide/scaled_read.h"
#include "worker/tile_reader.h"

namespace tilepool {
namespace {

constexpr double kSlidesShare = 0.55;  // of the time; the job has the rest
// The JPEG tiles (64 MiB), two open slides (40 MiB each) and a scan, one after the other.
constexpr std::size_t kReserveBytes = 256 * kMiB;
// A cohort whose slides are all bad is not opened to its end.
constexpr std::size_t kMostTries = 12;

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name") && line.find(':') != std::string::npos)
      return printable_utf8(trimmed(std::string_view(line).substr(line.find(':') + 1)));
  return "unknown processor";
}

/// As many threads as have memory for a tile each, at most those asked for.
int threads_that_fit(const BenchRequest& request, std::vector<std::string>& notes) {
  const WindowSize window = largest_window(request.options);
  const std::size_t each =
      static_cast<std::size_t>(3 * window.width * window.height) + kPieceBytes + kScaledReadBytes;
  const std::size_t taken = rss_bytes() + kReserveBytes;
  const std::size_t fit =
      request.limit_bytes > taken ? (request.limit_bytes - taken) / each : std::size_t{0};
  check(fit > 0, ErrorCode::kBudget,
        "a tile of {} px with its halo does not fit into {} beside {} for the rest; raise "
        "/memory/host_per_rank or make /tiles/size_px smaller",
        request.options.tiles.size_px, format_bytes(request.limit_bytes), format_bytes(taken));
  if (fit >= static_cast<std::size_t>(request.threads)) return request.threads;
  notes.push_back(fmt::format("Only {} of {} threads were tried: {} hold no more tiles at once.",
                              fit, request.threads, format_bytes(request.limit_bytes)));
  return static_cast<int>(fit);
}

void measure_slides(const BenchRequest& request, const std::vector<int>& steps,
                    const StopAsked& stop, BenchFigures& figures) {
  const std::vector<std::size_t> order = slides_to_try(request.cohort);
  const std::size_t wanted = std::min(kMostBenchSlides, order.size());
  Budget budget(request.limit_bytes);
  std::size_t measured = 0;
  for (const std::size_t index : order) {
    if (measured == wanted || figures.slides.size() == kMostTries) break;
    const SlideSpec& slide = request.cohort[index];
    log_info("measuring {}", slide.id);
    figures.slides.push_back(measure_slide(
        {slide, request.options, steps,
         kSlidesShare * request.seconds / static_cast<double>(wanted), budget, stop}));
    const std::string& problem = figures.slides.back().problem;
    if (problem.empty())
      ++measured;
    else
      log_warning("{} is left out: {}", slide.id, problem);
  }
  check(measured > 0, ErrorCode::kNoInput,
        "no slide could be measured; the first that was tried, {}: {}", figures.slides.front().id,
        figures.slides.front().problem);
}

/// The configured job on the slides that were measured, as plain paths.
Options job_options(const BenchRequest& request, const BenchFigures& figures) {
  Options options = request.options;
  options.manifest.clear();
  options.slides.clear();
  for (const SlideFigures& slide : figures.slides) {
    if (!slide.problem.empty()) continue;
    const auto spec = std::find_if(request.cohort.begin(), request.cohort.end(),
                                   [&](const SlideSpec& one) { return one.id == slide.id; });
    options.slides.push_back({spec->path, spec->id, spec->group, spec->mpp});
  }
  return options;
}

}  // namespace

std::vector<std::size_t> slides_to_try(const std::vector<SlideSpec>& cohort) {
  std::vector<std::size_t> spread;  // first, last, middle, then the others in order
  if (!cohort.empty()) spread = {0, cohort.size() - 1, cohort.size() / 2};
  for (std::size_t i = 0; i < cohort.size(); ++i) spread.push_back(i);
  std::map<std::string, int> of_kind;
  std::vector<std::pair<int, std::size_t>> order;  // how many of its kind come before it
  std::vector<bool> seen(cohort.size(), false);
  for (const std::size_t i : spread) {
    if (seen[i]) continue;
    seen[i] = true;
    if (!cohort[i].problem.empty()) continue;
    order.emplace_back(of_kind[std::filesystem::path(cohort[i].path).extension().string()]++, i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::size_t> result;
  result.reserve(cohort.size());
  for (const auto& [before, i] : order) result.push_back(i);
  for (std::size_t i = 0; i < cohort.size(); ++i)  // only to be told of
    if (!cohort[i].problem.empty()) result.push_back(i);
  return result;
}

BenchFigures run_bench(const BenchRequest& request, const StopAsked& stop) {
  const auto begin = BenchClock::now();
  BenchFigures figures;
  figures.config = request.config;
  figures.date = iso8601_now();
  figures.host = host_name();
  figures.cpu = processor_name();
  figures.cores = request.cores;
  figures.size_px = request.options.tiles.size_px;
  figures.halo_px = request.options.tiles.halo_px;
  figures.task = request.options.task;
  figures.seconds_asked = request.seconds;
  figures.threads = threads_that_fit(request, figures.notes);
  measure_slides(request, thread_steps(figures.threads), stop, figures);
  log_info("running the job on them");
  figures.job = measure_job(
      {job_options(request, figures), request.folder, request.program, request.cores,
       std::max((1 - kSlidesShare) * request.seconds, request.seconds - seconds_since(begin))},
      stop);
  figures.seconds_spent = seconds_since(begin);
  return figures;
}

}  // namespace tilepool
