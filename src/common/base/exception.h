#pragma once

#include <stdexcept>
#include <string>

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

/// The process exit code that stands for an error (docs/cli.md has the table).
[[nodiscard]] int exit_code_of(ErrorCode code) noexcept;

}  // namespace tilepool
