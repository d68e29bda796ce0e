#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "common/base/exception.h"

namespace tilepool {

/// Throws Error(code) with a fmt-formatted message.
template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws Error(code) unless `ok`. Never compiled out.
template <class... Args>
void check(bool ok, ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) [[unlikely]]
    fail(code, format, std::forward<Args>(args)...);
}

/// `strerror` as a string, thread-safe.
[[nodiscard]] std::string errno_text(int error_number);

/// First line of `text`: ledger reasons are one line.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace tilepool
