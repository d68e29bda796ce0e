#include "bench/job_bench.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/model/options_json.h"
#include "common/run/atomic_file.h"
#include "common/run/layout.h"
#include "common/run/status_json.h"
#include "launch/child.h"
#include "report/clock.h"

namespace tilepool {
namespace {

// Of a thread; what master/job_preview.cpp measured, only to begin with.
constexpr double kGuessedPx_s = 6e6;
constexpr double kLeast_s = 10;     // for the first tiles, however little time was given
constexpr double kEndLimit_s = 20;  // from the signal to the run's end
constexpr int kMostAttempts = 3;
constexpr double kQuickShare = 0.35;  // of the time: a larger sample is worth another attempt
constexpr double kMostGrowth = 32;

/// How an attempt ended.
struct Ended {
  int code = 0;
  bool cut_off = false;  ///< the time was over
};

/// Waits for the run; after `seconds`, or when the person wants it, it is asked to stop.
Ended wait_for(Child& child, double seconds, const StopAsked& stop) {
  const auto begin = BenchClock::now();
  std::optional<double> asked_s;
  for (;;) {
    const double now_s = seconds_since(begin);
    if (const std::optional<int> code = child.ended()) return {*code, asked_s.has_value()};
    if (!asked_s && (now_s > seconds || (stop && stop()))) {
      child.signal(SIGTERM);
      asked_s = now_s;
    }
    if (asked_s && now_s - *asked_s > kEndLimit_s) return {128 + SIGKILL, true};  // by ~Child
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// The last line of a log, without its level.
std::string last_line(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  std::string_view line = trimmed(text);
  line.remove_prefix(line.find_last_of('\n') + 1);  // npos + 1 is 0
  constexpr std::string_view kLevel = "error: ";
  if (line.starts_with(kLevel)) line.remove_prefix(kLevel.size());
  return printable_utf8(line);
}

/// Seconds from the first event "start" to the first "planned"; nullopt without them.
std::optional<double> pooling_seconds(const std::filesystem::path& events) {
  std::optional<double> start;
  const std::string text = read_file(events);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto event = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                                             text.begin() + static_cast<std::ptrdiff_t>(end),
                                             nullptr, /*allow_exceptions=*/false);
    at = end + 1;
    if (!event.is_object()) continue;
    const std::string name = event.value("event", "");
    const auto time = parse_iso8601(event.value("time", ""));
    if (name == "start" && !start) start = time;
    if (name == "planned" && start && time) return std::max(1e-3, *time - *start);
  }
  return std::nullopt;
}

/// One attempt of the job, from the program's start to its end.
Ended run_once(const JobBenchRequest& request, const Options& options, double seconds,
               const StopAsked& stop) {
  const std::filesystem::path config = request.folder / "config.json";
  write_file_atomically(config, options_to_json(options));
  // The shell gives the run's words a file; the run takes its place, so that signals reach it.
  Child child({"/bin/sh", "-c", R"(exec "$@" >"$0" 2>&1)", (request.folder / "log").string(),
               request.program.string(), "run", config.string(), "--run-dir",
               (request.folder / "run").string(), "--quiet"},
              {});
  const Ended ended = wait_for(child, seconds, stop);
  check_stop(stop);
  return ended;
}

/// Shares of the computing threads' time, and of the GPUs'.
void add_time_use(const RunStatus& status, JobFigures& figures) {
  double busy = 0;
  int gpus = 0;
  for (const RankStatus& rank : status.ranks) {
    figures.computing += rank.compute_s;
    figures.wait_read += rank.wait_read_s;
    figures.wait_commit += rank.wait_commit_s;
    figures.wait_lease += rank.wait_lease_s;
    busy += rank.device_busy_s;
    gpus += rank.gpu_uuid.empty() ? 0 : 1;
  }
  const double total =
      figures.computing + figures.wait_read + figures.wait_commit + figures.wait_lease;
  for (double* share :
       {&figures.computing, &figures.wait_read, &figures.wait_commit, &figures.wait_lease})
    *share = total > 0 ? *share / total : 0;
  if (gpus > 0) figures.gpu_busy = std::min(1.0, busy / gpus / status.processing_s);
}

JobFigures figures_of(const RunStatus& status, const JobFigures& before) {
  JobFigures figures;
  figures.pooling_s = before.pooling_s;
  figures.pooled_tiles_s = before.pooled_tiles_s;
  figures.whole_s = before.whole_s + status.elapsed_s;
  figures.sample = status.sample;
  figures.tiles = status.tiles_done;
  figures.tiles_failed = status.tiles_failed;
  figures.processing_s = status.processing_s;
  double pixels = 0;
  for (const RankStatus& rank : status.ranks) {
    pixels += static_cast<double>(rank.pixels_read);
    figures.threads += static_cast<int>(rank.threads);
    figures.device = rank.device;
  }
  figures.tiles_s =
      static_cast<double>(status.tiles_done - status.tiles_resumed) / status.processing_s;
  figures.mpx_s = pixels * 1e-6 / status.processing_s;
  add_time_use(status, figures);
  return figures;
}

std::int64_t first_sample(const JobBenchRequest& request) {
  const auto edge =
      static_cast<double>(request.options.tiles.size_px + 2 * request.options.tiles.halo_px);
  const double tiles =
      kQuickShare * request.seconds * request.threads * kGuessedPx_s / (edge * edge);
  return std::max<std::int64_t>(std::int64_t{2} * request.threads, std::llround(tiles));
}

/// Why a run that ended by itself did no tile.
std::string why_nothing(const Ended& ended, const RunStatus& status,
                        const std::filesystem::path& log) {
  if (status.slides > 0 && status.slides_failed == status.slides)
    return "all of these slides fail in a run; tilepool plan says why";
  if (status.state == "done" && status.pool == 0)
    return "no tile of these slides holds enough tissue";
  return fmt::format("the run ended with code {}: {}", ended.code, last_line(log));
}

}  // namespace

JobFigures measure_job(const JobBenchRequest& request, const StopAsked& stop) {
  const RunLayout layout(request.folder / "run");
  const auto begin = BenchClock::now();
  Options options = request.options;
  options.sample.fraction = SampleOptions{}.fraction;  // it may not stand beside a count
  options.sample.count = first_sample(request);
  JobFigures figures;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const double limit_s =
        std::max(attempt == 0 ? kLeast_s : 1, request.seconds - seconds_since(begin));
    const Ended ended = run_once(request, options, limit_s, stop);
    const bool told = std::filesystem::exists(layout.status());
    const RunStatus status = told ? read_status(layout.status()) : RunStatus{};
    const bool new_tiles = status.processing_s > 0 && status.tiles_done > status.tiles_resumed;
    if (!new_tiles && attempt > 0) break;  // what the attempt before gave stands
    if (!new_tiles) {
      figures.problem =
          ended.cut_off
              ? fmt::format("no tile was done within {:.0f} s; give more --seconds", limit_s)
              : why_nothing(ended, status, request.folder / "log");
      return figures;
    }
    if (attempt == 0) figures.pooling_s = pooling_seconds(layout.events()).value_or(0);
    if (figures.pooling_s > 0)
      figures.pooled_tiles_s = static_cast<double>(status.grid) / figures.pooling_s;
    figures = figures_of(status, figures);
    const double rest_s = request.seconds - seconds_since(begin);
    if (ended.cut_off || rest_s < (1 - kQuickShare) * request.seconds ||
        status.sample >= status.pool)
      break;
    const double growth = std::clamp(0.6 * rest_s / status.processing_s, 2.0, kMostGrowth);
    options.sample.count = static_cast<std::int64_t>(growth * static_cast<double>(status.sample));
  }
  return figures;
}

}  // namespace tilepool
