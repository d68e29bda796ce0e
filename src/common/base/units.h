#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tilepool {

inline constexpr std::size_t kKiB = std::size_t{1} << 10;
inline constexpr std::size_t kMiB = std::size_t{1} << 20;
inline constexpr std::size_t kGiB = std::size_t{1} << 30;

/// 1610612736 -> "1.50 GiB".
[[nodiscard]] std::string format_bytes(std::size_t bytes);

/// "6GiB", "512MiB", "100 KB", "1073741824" -> bytes (KiB/MiB/GiB/TiB binary, KB/MB/GB/TB
/// decimal, K/M/G/T binary, case does not matter). nullopt when it is no size.
[[nodiscard]] std::optional<std::size_t> parse_bytes(std::string_view text);

/// 3725.4 -> "1 h 02 min", 62.3 -> "1 min 02 s", 4.26 -> "4.3 s".
[[nodiscard]] std::string format_duration(double seconds);

}  // namespace tilepool
