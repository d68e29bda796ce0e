#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace tilepool {

/// What the catcher of an error can do about it.
enum class ErrorCode {
  kUsage,     ///< the command line is wrong: show how to call it
  kConfig,    ///< the configuration is wrong: the person edits it
  kNoInput,   ///< a path, glob or manifest gives nothing
  kSlide,     ///< one slide or tile is at fault: record it, go on with the others
  kBudget,    ///< it does not fit the memory budget: raise it or shrink the tiles
  kIo,        ///< cannot read or write: disk, permission, quota
  kHdf5,      ///< the HDF5 library refused: treated like kIo at the edge
  kMpi,       ///< the MPI library refused
  kProtocol,  ///< a peer sent what it must not send
  kCuda,      ///< the GPU or its driver refused
  kStopped,   ///< stopped on purpose before the end: run again to resume
  kNotBuilt,  ///< the feature is not part of this build
  kInternal,  ///< a bug in tilepool
};

/// The one exception type of tilepool. The message names the thing, the expected and the actual
/// value, and a remedy.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

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

/// The process exit code that stands for an error (docs/cli.md has the table).
[[nodiscard]] int exit_code_of(ErrorCode code) noexcept;

/// `strerror` as a string, thread-safe.
[[nodiscard]] std::string errno_text(int error_number);

/// First line of `text`: ledger reasons are one line.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace tilepool
