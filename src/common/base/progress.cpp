#include "common/base/progress.h"

#include <atomic>

namespace tilepool {
namespace {
std::atomic<std::uint64_t> steps{0};
}

void note_progress() noexcept { steps.fetch_add(1, std::memory_order_relaxed); }
std::uint64_t progress_so_far() noexcept { return steps.load(std::memory_order_relaxed); }

}  // namespace tilepool
