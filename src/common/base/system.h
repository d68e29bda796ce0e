#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace tilepool {

[[nodiscard]] std::string host_name();

/// The file that starts this program, absolute: $TILEPOOL_PROGRAM where a wrapper set it that
/// starts the program through a loader of its own (docs/bundle.md), else what /proc/self/exe names.
/// Throws Error(kIo) without /proc.
[[nodiscard]] std::filesystem::path own_program();

/// Cores that this process may keep busy, at least 1: those of its affinity mask, or fewer where a
/// CPU quota of a cgroup (v1 or v2, any ancestor) allows less; half a core counts as one.
[[nodiscard]] int cpu_cores_granted();

/// GPUs that Slurm gave the job on this node (SLURM_GPUS_ON_NODE); 0: it does not tell.
[[nodiscard]] int gpus_granted();

/// Where memory may be limited, in bytes; nullopt: not limited there.
struct MemoryLimits {
  std::optional<std::size_t> cgroup;     ///< least limit from this process's cgroup up to the root
  std::optional<std::size_t> slurm;      ///< SLURM_MEM_PER_NODE, or SLURM_MEM_PER_CPU * CPUs here
  std::optional<std::size_t> available;  ///< MemAvailable of /proc/meminfo
};
[[nodiscard]] MemoryLimits memory_limits();
/// The least of memory_limits(): what all ranks of this job on this node may take together.
/// Throws Error(kIo) when nothing tells (no /proc).
[[nodiscard]] std::size_t memory_limit_bytes();

/// Limits that the cgroups of this process set.
struct CgroupLimits {
  std::optional<std::size_t> memory_bytes;
  std::optional<double> cpu_cores;
};
/// Reads proc/self/cgroup, proc/self/mountinfo and the limit files of every ancestor below `root`
/// ("/" except in tests).
[[nodiscard]] CgroupLimits cgroup_limits(const std::filesystem::path& root = "/");

/// Largest resident set of this process so far (VmHWM), and the present one (VmRSS), in bytes.
[[nodiscard]] std::size_t peak_rss_bytes();
[[nodiscard]] std::size_t rss_bytes();

/// A random (version 4) UUID, "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".
[[nodiscard]] std::string make_uuid4();

/// The present moment in UTC: "2024-05-01T12:00:00.123Z".
[[nodiscard]] std::string iso8601_now();

}  // namespace tilepool
