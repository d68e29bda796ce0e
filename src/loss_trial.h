#pragma once

#include <filesystem>

#include "cli/doctor.h"

namespace tilepool {

/// Tries what `doctor` otherwise only reads off: starts a run of a small synthetic slide with two
/// workers under `launch`, lets one kill itself, and tells how the run ended. Everything lies in a
/// folder of its own beside `run_dir` and is removed. Takes some seconds.
[[nodiscard]] Finding try_a_loss(const std::filesystem::path& run_dir);

}  // namespace tilepool
