#pragma once

#include <map>
#include <string>

#include "cli/command_line.h"

namespace tilepool {

/// What a reader of a run may want to know of how it was made: the command, versions of tilepool
/// and of every library, the git commit, host and time.
[[nodiscard]] std::map<std::string, std::string> provenance(const CommandLine& command);

}  // namespace tilepool
