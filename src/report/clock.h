#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tilepool {

/// "2024-05-01T12:00:00.123Z" -> seconds since 1970 (UTC); nullopt when it is no such text.
[[nodiscard]] std::optional<double> parse_iso8601(std::string_view text);

/// Seconds since 1970 (UTC), now.
[[nodiscard]] double unix_now_s();

/// "2024-05-01T12:00:00.123Z" -> "2024-05-01 12:00:00 UTC"; other texts come back as they are.
[[nodiscard]] std::string readable_time(std::string_view iso8601);

}  // namespace tilepool
