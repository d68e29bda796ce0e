#include "common/run/time_use.h"

#include <fmt/core.h>

namespace tilepool {

std::string time_use(const RunStatus& status) {
  double compute = 0;
  double reads = 0;
  double commits = 0;
  double leases = 0;
  double gpu_busy = 0;
  int gpus = 0;
  for (const RankStatus& rank : status.ranks) {
    compute += rank.compute_s;
    reads += rank.wait_read_s;
    commits += rank.wait_commit_s;
    leases += rank.wait_lease_s;
    gpu_busy += rank.device_busy_s;
    gpus += rank.gpu_uuid.empty() ? 0 : 1;
  }
  const double total = compute + reads + commits + leases;
  if (compute <= 0) return "";
  const auto percent = [](double part, double whole) { return 100 * part / whole; };
  std::string text;
  if (gpus > 0 && status.processing_s > 0)
    text = fmt::format("GPU busy {:.0f} % of processing; ",
                       percent(gpu_busy / gpus, status.processing_s));
  return text + fmt::format(
                    "computing {:.0f} %, waiting for reads {:.0f} %, for commits {:.0f} %, for "
                    "leases {:.0f} %",
                    percent(compute, total), percent(reads, total), percent(commits, total),
                    percent(leases, total));
}

}  // namespace tilepool
