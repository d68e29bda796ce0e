#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tilepool {

/// "0.1.0"
[[nodiscard]] std::string tilepool_version();
/// The commit that was built, "-dirty" with changes on top; "unknown" outside of a git checkout.
[[nodiscard]] std::string git_commit();
/// "tilepool 0.1.0 (commit)" and a line end.
[[nodiscard]] std::string version_line();

/// Name and version of every library this program runs with, the compiler and the kernel. May be
/// called before MPI_Init.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace tilepool
