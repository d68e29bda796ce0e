#pragma once

#include <cstdint>
#include <string>

namespace tilepool {

/// A process that another one may ask about: a process number means something only on the same boot
/// of the same kernel and in the same PID namespace.
struct ProcessName {
  std::string host;
  std::string space;  ///< boot id and PID namespace; equal: the numbers can be compared
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< since boot; tells a reused number
};

[[nodiscard]] ProcessName this_process();

enum class Life { kAlive, kDead, kUnknown };
/// Whether it still runs; kUnknown on another host, in another namespace, or without /proc. A
/// zombie is dead.
[[nodiscard]] Life life_of(const ProcessName& process);

}  // namespace tilepool
