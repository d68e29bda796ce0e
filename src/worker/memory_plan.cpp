#include "worker/memory_plan.h"

#include <algorithm>
#include <vector>

#include "common/base/units.h"

namespace tilepool {
namespace {

// OpenSlide 3.4.1 keeps a cache of 32 MiB of decoded tiles per handle, and its index beside it.
constexpr std::size_t kOpenSlideBytes = 40 * kMiB;
// A thread's stack, its piece of ARGB pixels, the surface that OpenSlide composes it on, a decoder.
constexpr std::size_t kThreadBytes = 16 * kMiB;
// HDF5's caches, MPI's buffers as they fill, the configuration, the plan's rows in hand.
constexpr std::size_t kFixedBytes = 48 * kMiB;
// Results held before they are committed.
constexpr std::size_t kResultsBytes = 24 * kMiB;
// Before the tiles slides are scanned: the largest scan (scan_slide_bytes, 12 Mpx) fits.
constexpr std::size_t kLeastDataBytes = 176 * kMiB;

// Beside its buffer: the copying thread's stack, and the blocks of which it takes a fingerprint.
constexpr std::size_t kStagingThreadBytes = 6 * kMiB;

MemoryPlan lay_out(const MemoryDemand& demand, int compute, int read, int buffers, int slides) {
  MemoryPlan plan{compute, read, buffers, slides, 0, kResultsBytes, 0};
  plan.data_bytes =
      std::max(kLeastDataBytes, static_cast<std::size_t>(buffers) * demand.rgb_bytes +
                                    static_cast<std::size_t>(compute) * demand.scratch_bytes) +
      demand.staging_bytes;
  plan.total_bytes = demand.resident_bytes + kFixedBytes + kResultsBytes + plan.data_bytes +
                     static_cast<std::size_t>(slides) * kOpenSlideBytes +
                     static_cast<std::size_t>(compute + read) * kThreadBytes +
                     (demand.staging_bytes > 0 ? kStagingThreadBytes : 0);
  return plan;
}

MemoryPlan narrowest(const MemoryDemand& demand) {
  return lay_out(demand, 1, std::min(1, demand.read_threads), 1, 1);
}

}  // namespace

std::optional<MemoryPlan> plan_memory(const MemoryDemand& demand) {
  std::vector<MemoryPlan> wishes;
  const int read = demand.read_threads;
  const auto wish = [&](int compute, int readers, int buffers, int slides) {
    wishes.push_back(lay_out(demand, compute, readers, buffers, slides));
  };
  const int few = std::min(2, demand.open_slides);
  wish(demand.compute_threads, read, demand.compute_threads + read, demand.open_slides);
  wish(demand.compute_threads, read, demand.compute_threads + read, few);
  for (int compute = demand.compute_threads; compute >= 1; --compute)
    for (int readers = std::min(read, compute); readers >= std::min(1, read); --readers)
      wish(compute, readers, compute + std::min(1, readers), few);
  wish(1, std::min(1, read), 1, few);
  wishes.push_back(narrowest(demand));
  for (MemoryPlan& plan : wishes) {
    if (plan.total_bytes > demand.limit_bytes) continue;
    // What is left over goes to the data budget: larger scans and packing blocks.
    plan.data_bytes += demand.limit_bytes - plan.total_bytes;
    return plan;
  }
  return std::nullopt;
}

std::size_t smallest_limit_bytes(const MemoryDemand& demand) {
  return narrowest(demand).total_bytes;
}

}  // namespace tilepool
