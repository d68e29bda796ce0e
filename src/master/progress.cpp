#include "master/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/units.h"

namespace tilepool {

std::string progress_line(const RunStatus& status) {
  std::uint64_t workers = 0;
  std::uint64_t alive = 0;
  std::uint64_t resident = 0;
  for (const RankStatus& rank : status.ranks) {
    resident += rank.rss_bytes;
    if (rank.role == "master") continue;
    ++workers;
    alive += rank.alive ? 1 : 0;
  }
  const bool tiles = status.sample > 0;
  std::string line =
      fmt::format("{:<11} {}/{} {}", status.state,
                  tiles ? status.tiles_done + status.tiles_failed : status.slides_scanned,
                  tiles ? status.sample : status.slides, tiles ? "tiles" : "slides");
  if (status.tiles_failed > 0) line += fmt::format(" ({} failed)", status.tiles_failed);
  if (status.tiles_per_s > 0) line += fmt::format("  {:.2f} tiles/s", status.tiles_per_s);
  if (status.eta_s >= 0) line += fmt::format("  ETA {}", format_duration(status.eta_s));
  line += fmt::format("  {}/{} workers  {} resident", alive, workers, format_bytes(resident));
  return line;
}

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const RunStatus& status, double now_s) {
  if (quiet_ || now_s < next_s_) return;
  next_s_ = now_s + (terminal_ ? 0.25 : 10.0);
  const std::string line = progress_line(status);
  if (!terminal_) return log_info("{}", line);
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  open_line_ = true;
}

void Progress::clear() {
  if (!open_line_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  open_line_ = false;
}

}  // namespace tilepool
