#pragma once

#include <cstdint>
#include <string>

#include "bench/figures.h"
#include "bench/timing.h"

namespace tilepool {

/// From which rate on it is said that a cache, not the storage, may have answered: more than what
/// one thread gets from today's NVMe drives and parallel file systems.
inline constexpr double kCacheBytes_s = 5e9;

/// Reads `path` for about `seconds`: in order, 1 MiB at a time from places that move on through the
/// file, and single reads of `random_bytes` at places drawn with a fixed seed. The system is asked
/// to forget what is read of it before (posix_fadvise DONTNEED); caches elsewhere it knows nothing
/// of. A file below 1 MiB, one that cannot be read, gives `problem`. bytes_per_px is the caller's.
/// Throws Error(kStopped).
[[nodiscard]] FileFigures measure_file(const std::string& path, std::uint64_t random_bytes,
                                       double seconds, const StopAsked& stop);

}  // namespace tilepool
