#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/base/exception.h"

namespace tilepool {

/// Throws Error(kInternal): a number does not fit its type.
[[noreturn]] void fail_overflow(const char* operation);

/// a * b, or Error(kInternal) when it does not fit T.
template <std::integral T>
[[nodiscard]] T checked_mul(T a, T b) {
  T result{};
  if (__builtin_mul_overflow(a, b, &result)) [[unlikely]]
    fail_overflow("a product");
  return result;
}

/// a + b, or Error(kInternal) when it does not fit T.
template <std::integral T>
[[nodiscard]] T checked_add(T a, T b) {
  T result{};
  if (__builtin_add_overflow(a, b, &result)) [[unlikely]]
    fail_overflow("a sum");
  return result;
}

/// value as To, or Error(kInternal) when To cannot hold it.
template <std::integral To, std::integral From>
[[nodiscard]] To checked_cast(From value) {
  if (!std::in_range<To>(value)) [[unlikely]]
    fail_overflow("a number");
  return static_cast<To>(value);
}

/// ceil(a / b) for a >= 0, b > 0.
template <std::integral T>
[[nodiscard]] constexpr T ceil_div(T a, T b) {
  return static_cast<T>(a / b + (a % b != 0 ? 1 : 0));
}

}  // namespace tilepool
