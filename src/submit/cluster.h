#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tilepool {

/// Nodes of one partition that are alike.
struct NodeGroup {
  std::string partition;
  bool is_default = false;  ///< the partition is the one that jobs get which name none
  int nodes = 0;
  int cores = 0;                             ///< of each node: what Slurm counts as CPUs
  std::size_t memory_bytes = 0;              ///< of each node
  int gpus = 0;                              ///< of each node
  std::optional<std::int64_t> time_limit_s;  ///< of the partition; nullopt: none
};

/// How sinfo has to be asked for what parse_sinfo() reads.
[[nodiscard]] std::vector<std::string> sinfo_command();

/// Reads sinfo's answer. Partitions and nodes that take no jobs now (down, drained, not answering)
/// are left out. Throws Error(kIo) at a line that it cannot read.
[[nodiscard]] std::vector<NodeGroup> parse_sinfo(std::string_view text);

/// Slurm's ways to write a time: "minutes", "minutes:seconds", "hours:minutes:seconds", and
/// "days-hours[:minutes[:seconds]]". nullopt when it is none of them.
[[nodiscard]] std::optional<std::int64_t> parse_slurm_time(std::string_view text);
/// 90000 -> "1-01:00:00"; below a day "hh:mm:ss".
[[nodiscard]] std::string format_slurm_time(std::int64_t seconds);

/// Slurm's way to write memory: a number of MiB, or with K, M, G or T. nullopt when it is none.
[[nodiscard]] std::optional<std::size_t> parse_slurm_memory(std::string_view text);
/// The largest such size that is not above `bytes`: "32G", or "1500M" where gigabytes are too
/// coarse.
[[nodiscard]] std::string format_slurm_memory(std::size_t bytes);

}  // namespace tilepool
