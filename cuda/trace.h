#pragma once

namespace tilepool {

/// A named stretch of a thread's time in a profiler's view (NVTX: Nsight Systems). Costs nothing
/// without a profiler, and is nothing without CUDA.
class TraceRange {
 public:
  explicit TraceRange(const char* name);
  ~TraceRange();
  TraceRange(const TraceRange&) = delete;
  TraceRange& operator=(const TraceRange&) = delete;
};

}  // namespace tilepool
