#pragma once

#include <cstddef>
#include <optional>

namespace tilepool {

/// What one tile costs, and what the person and the machine allow.
struct MemoryDemand {
  std::size_t limit_bytes = 0;     ///< memory.host_per_rank of this rank
  std::size_t resident_bytes = 0;  ///< resident set once the libraries are up
  std::size_t rgb_bytes = 0;       ///< pixels of one tile with its halo
  std::size_t scratch_bytes = 0;   ///< computing one tile
  int compute_threads = 1;         ///< wanted, >= 1
  int read_threads = 1;            ///< wanted, >= 0 (0: the computing thread reads)
  int open_slides = 4;             ///< wanted, >= 1
  std::size_t staging_bytes = 0;   ///< buffer of the thread that copies slides; 0: none does
};

/// How many of each a rank may have at once so that its resident set stays below the limit.
struct MemoryPlan {
  int compute_threads = 1;
  int read_threads = 1;
  int buffers = 1;  ///< tiles in flight
  int open_slides = 1;
  std::size_t data_bytes = 0;     ///< limit of the Budget: buffers, scratch, scans, packing blocks
  std::size_t results_bytes = 0;  ///< results held before they are committed
  std::size_t total_bytes = 0;    ///< what all of it comes to, resident set included
};

/// The widest plan that fits, giving up in this order: open slides beyond two, tiles waiting,
/// threads, the second open slide. nullopt when not even one tile at a time fits; then
/// smallest_limit_bytes() says what would do.
[[nodiscard]] std::optional<MemoryPlan> plan_memory(const MemoryDemand& demand);
[[nodiscard]] std::size_t smallest_limit_bytes(const MemoryDemand& demand);

}  // namespace tilepool
