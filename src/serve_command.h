#pragma once

#include "cli/command_line.h"

namespace tilepool {

/// `tilepool serve`. Returns the exit code when a signal asks for the end.
int serve_command(const CommandLine& command);

}  // namespace tilepool
