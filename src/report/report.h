#pragma once

#include <cstddef>

#include "common/base/units.h"
#include "common/run/layout.h"

namespace tilepool {

/// (Re)writes report.html, committed atomically: one file for a person, offline, complete without
/// script. Works on finished, stopped, failed and running directories; what is missing is said in
/// it. `memory_bytes` bounds the pixels held at once; a slide whose scan does not fit is listed
/// without a picture. One process. Throws Error(kNoInput) when there is no run, Error(kIo) when the
/// file cannot be written.
void write_report(const RunLayout& layout, std::size_t memory_bytes = 128 * kMiB);

}  // namespace tilepool
