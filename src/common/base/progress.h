#pragma once

#include <cstdint>

namespace tilepool {

/// Steps of work that this process finished: regions read, tiles computed, files committed. The
/// master writes off a rank that has work while this stands still. Thread-safe.
void note_progress() noexcept;
[[nodiscard]] std::uint64_t progress_so_far() noexcept;

}  // namespace tilepool
