#pragma once

#include "cli/command_line.h"

namespace tilepool {

/// `tilepool train` and `tilepool classify`. Return the exit code: of train 3 when a gate was
/// missed and the model therefore not written.
int train_job(const CommandLine& command);
int classify_job(const CommandLine& command);

}  // namespace tilepool
