#pragma once

#include <string>

#include "common/run/status_json.h"

namespace tilepool {

/// Where the time of the computing threads of all ranks went, in words, e.g. "computing 81 %,
/// waiting for reads 15 %, for commits 0 %, for leases 4 %"; with GPUs first "GPU busy 93 % of
/// processing;". Empty before a tile was computed.
[[nodiscard]] std::string time_use(const RunStatus& status);

}  // namespace tilepool
