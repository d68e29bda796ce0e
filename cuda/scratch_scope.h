#pragma once

#include <cstddef>

#include "cuda/queue.h"

namespace tilepool::gpu {

/// Gives back at the end of the scope what was taken of a queue's scratch in it.
class ScratchScope {
 public:
  explicit ScratchScope(Queue& queue) : arena_(queue.scratch()), mark_(arena_.mark()) {}
  ~ScratchScope() { arena_.release(mark_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  Arena& arena_;
  std::size_t mark_;
};

}  // namespace tilepool::gpu
