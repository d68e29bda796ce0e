#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/base/error.h"

namespace tilepool {

/// a * b, or Error(kInternal) when it does not fit T.
template <std::integral T>
[[nodiscard]] T checked_mul(T a, T b) {
  T result{};
  check(!__builtin_mul_overflow(a, b, &result), ErrorCode::kInternal, "{} * {} overflows", a, b);
  return result;
}

/// a + b, or Error(kInternal) when it does not fit T.
template <std::integral T>
[[nodiscard]] T checked_add(T a, T b) {
  T result{};
  check(!__builtin_add_overflow(a, b, &result), ErrorCode::kInternal, "{} + {} overflows", a, b);
  return result;
}

/// value as To, or Error(kInternal) when To cannot hold it.
template <std::integral To, std::integral From>
[[nodiscard]] To checked_cast(From value) {
  check(std::in_range<To>(value), ErrorCode::kInternal, "{} does not fit the target integer type",
        value);
  return static_cast<To>(value);
}

/// ceil(a / b) for a >= 0, b > 0.
template <std::integral T>
[[nodiscard]] constexpr T ceil_div(T a, T b) {
  return static_cast<T>(a / b + (a % b != 0 ? 1 : 0));
}

}  // namespace tilepool
