#pragma once

#include "common/run/layout.h"
#include "common/run/results.h"

namespace tilepool {

/// slides.csv: one line a slide with its final status, reason, counts and reader. Committed
/// atomically.
void write_ledger(const RunLayout& layout, const std::vector<FinalSlide>& slides);

}  // namespace tilepool
