#pragma once

#include "cli/command_line.h"

namespace tilepool {

/// `tilepool annotations`. Returns the exit code: 0, or that of the first file that could not be
/// read, once the others are told.
int annotations_command(const CommandLine& command);

}  // namespace tilepool
