#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>

namespace tilepool {

/// A bound on the bytes that a rank takes for data that grows with the input. Thread-safe.
/// It only counts; Buffer and Arena are the doors through which memory is taken.
class Budget {
 public:
  explicit Budget(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// Takes `bytes` if they fit, else takes nothing and returns false. A request that fits is never
  /// refused because another thread asks for too much at the same moment.
  [[nodiscard]] bool try_take(std::size_t bytes) noexcept;
  /// Takes `bytes` or throws Error(kBudget) that names `what`, the need and what is left.
  void take(std::size_t bytes, std::string_view what);
  void give_back(std::size_t bytes) noexcept;

  [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_bytes_; }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_.load(); }
  [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_.load(); }
  [[nodiscard]] std::size_t free_bytes() const noexcept { return limit_bytes_ - used_.load(); }

 private:
  const std::size_t limit_bytes_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> peak_{0};
};

/// The limit to advise where `smallest_bytes` was found to be the least that works: a little more,
/// in whole MiB, since the resident set at start differs between two starts (0.1 MiB measured).
[[nodiscard]] std::size_t advised_limit_mib(std::size_t smallest_bytes) noexcept;

}  // namespace tilepool
