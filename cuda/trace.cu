#include <nvtx3/nvToolsExt.h>

#include "cuda/trace.h"

namespace tilepool {

TraceRange::TraceRange(const char* name) { nvtxRangePushA(name); }
TraceRange::~TraceRange() { nvtxRangePop(); }

}  // namespace tilepool
