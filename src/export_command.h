#pragma once

#include "cli/command_line.h"

namespace tilepool {

/// `tilepool export`. Returns the exit code.
int export_command(const CommandLine& command);

}  // namespace tilepool
