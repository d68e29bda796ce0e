#include "common/memory/budget.h"

#include "common/base/error.h"
#include "common/base/units.h"

namespace tilepool {

bool Budget::try_take(std::size_t bytes) noexcept {
  std::size_t old = used_.load();
  do {
    if (bytes > limit_bytes_ - old) return false;
  } while (!used_.compare_exchange_weak(old, old + bytes));
  std::size_t peak = peak_.load();
  while (peak < old + bytes && !peak_.compare_exchange_weak(peak, old + bytes)) {
  }
  return true;
}

void Budget::take(std::size_t bytes, std::string_view what) {
  check(try_take(bytes), ErrorCode::kBudget,
        "{} needs {}, but only {} of the memory budget of {} are free; raise memory.host_per_rank "
        "or make tiles.size_px smaller",
        what, format_bytes(bytes), format_bytes(free_bytes()), format_bytes(limit_bytes_));
}

void Budget::give_back(std::size_t bytes) noexcept { used_.fetch_sub(bytes); }

std::size_t advised_limit_mib(std::size_t smallest_bytes) noexcept {
  return smallest_bytes / kMiB + 4;
}

}  // namespace tilepool
