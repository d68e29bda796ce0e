#pragma once

#include <cstdint>

#include "common/model/result.h"
#include "common/run/layout.h"

namespace tilepool {

/// Makes a run directory forget its failed tiles, so that the run computes them again: removes the
/// committed ranges that hold one (their other tiles are computed again too, to equal values), the
/// notes of crashes, and what was made of the ranges: results.h5 and classified/. Nothing is
/// removed when no tile failed. Returns the number of tiles that had failed. Under the run's lock.
/// Damaged range files are left to who resumes. Throws Error(kConfig) when a tile failed in a
/// smaller sample that this run has grown from: what was planned then is not planned again.
std::uint64_t retry_failed_tiles(const RunLayout& layout, const TaskSchema& schema);

}  // namespace tilepool
