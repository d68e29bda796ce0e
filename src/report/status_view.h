#pragma once

#include <string>

#include "common/run/layout.h"

namespace tilepool {

/// What `tilepool status` prints: how the run stands, its ranks and its slides, as aligned text or
/// (json) the content of status.json with "per_slide" (array), "heartbeat_age_s" (null once it has
/// ended) and "missing". Throws Error(kNoInput) when the directory holds no run.
[[nodiscard]] std::string render_status(const RunLayout& layout, bool json);

/// The exit code that the run ended with; 75 while it runs, or when that is unknown.
[[nodiscard]] int run_exit_code(const RunLayout& layout);

}  // namespace tilepool
