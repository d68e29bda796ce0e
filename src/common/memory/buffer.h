#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "common/base/checked.h"
#include "common/base/image_view.h"
#include "common/memory/budget.h"

namespace tilepool {

/// Bytes of page-aligned, zeroed memory, counted by a Budget from construction to destruction and
/// given back to the operating system at once (mmap). Move-only; the budget must outlive it.
class Pages {
 public:
  Pages() = default;
  /// Throws Error(kBudget) when the budget has no room, with `what` in the message.
  Pages(Budget& budget, std::size_t bytes, std::string_view what);
  ~Pages();
  Pages(Pages&& other) noexcept { swap(other); }
  Pages& operator=(Pages&& other) noexcept {
    Pages moved(std::move(other));
    swap(moved);
    return *this;
  }
  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return bytes_; }

 private:
  void swap(Pages& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  Budget* budget_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// `count` elements of a trivial type inside the budget; zeroed. Move-only.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Budget& budget, std::size_t count, std::string_view what)
      : pages_(budget, checked_mul(count, sizeof(T)), what), count_(count) {}
  [[nodiscard]] T* data() const noexcept { return reinterpret_cast<T*>(pages_.data()); }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] std::span<T> span() const noexcept { return {data(), count_}; }

 private:
  Pages pages_;
  std::size_t count_ = 0;
};

/// Scratch memory of one thread: one block taken from the budget once, handed out by bumping a
/// pointer, reused tile after tile, so that a hot loop neither allocates nor faults pages anew.
/// Not thread-safe. What it hands out is NOT zeroed and is valid until release()/reset().
class Arena {
 public:
  Arena(Budget& budget, std::size_t bytes, std::string_view what)
      : pages_(budget, bytes, what), block_(pages_.data()), bytes_(pages_.size_bytes()) {}
  /// Over memory that somebody else owns and that is aligned to 64 bytes; the arena never touches
  /// it, so that it may be a GPU's.
  Arena(std::byte* block, std::size_t bytes) : block_(block), bytes_(bytes) {}

  /// `count` elements, 64-byte aligned. Throws Error(kBudget) when the arena is too small.
  template <class T>
  [[nodiscard]] std::span<T> take(std::size_t count) {
    return {reinterpret_cast<T*>(take_bytes(checked_mul(count, sizeof(T)))), count};
  }
  /// A plane of width x height elements, stride == width.
  template <class T>
  [[nodiscard]] ImageView<T> take_image(std::int64_t width, std::int64_t height) {
    const auto pixels = checked_cast<std::size_t>(checked_mul(width, height));
    return {take<T>(pixels).data(), width, height, width};
  }
  [[nodiscard]] RgbView take_rgb(std::int64_t width, std::int64_t height) {
    const auto bytes =
        checked_cast<std::size_t>(checked_mul(checked_mul(width, height), std::int64_t{3}));
    return {take<std::uint8_t>(bytes).data(), width, height, 3 * width};
  }

  /// A position to return to: everything taken after mark() is given up by release(mark).
  [[nodiscard]] std::size_t mark() const noexcept { return used_; }
  void release(std::size_t mark) noexcept { used_ = mark; }
  void reset() noexcept { used_ = 0; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return bytes_; }
  /// The most bytes that were in use at once: tests hold scratch formulas against it.
  [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_; }

 private:
  [[nodiscard]] std::byte* take_bytes(std::size_t bytes);
  Pages pages_;
  std::byte* block_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
};

/// Bytes that one Arena::take of `bytes` uses up, alignment included.
[[nodiscard]] constexpr std::size_t arena_bytes(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace tilepool
