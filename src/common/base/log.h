#pragma once

#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace tilepool {

/// What a person on a terminal needs to read. The run's own record is events.jsonl.
enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;  ///< less grave messages are dropped
  int rank = -1;                     ///< >= 0: every line begins with "[rank N]"
};

/// Sets the process's logger, which writes whole lines to stderr from any thread. Colour only on a
/// terminal, and not when NO_COLOR is set and not empty, or TERM is "dumb".
void configure_log(const LogOptions& options);

/// Whether colour may be written to the file descriptor: the rule above.
[[nodiscard]] bool colour_wanted(int file_descriptor);

/// One line: "warning: ..." and "error: ..." name their level, information stands bare.
void log_line(LogLevel level, std::string_view message);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tilepool
