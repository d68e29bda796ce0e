#pragma once

#include <concepts>
#include <cstdint>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace tilepool {

/// A JSON integer as T; the library's own exception when it is none or does not fit. (Its get()
/// converts any number, which is undefined for one with a point that is out of T's range.)
template <std::integral T>
[[nodiscard]] T integer_of(const nlohmann::json& value) {
  const auto fitting = [&](auto number) {
    if (!std::in_range<T>(number))
      throw nlohmann::json::out_of_range::create(406, fmt::format("{} does not fit", number),
                                                 nullptr);
    return static_cast<T>(number);
  };
  if (!value.is_number_integer())
    throw nlohmann::json::type_error::create(
        302, fmt::format("type must be integer, but is {}", value.type_name()), nullptr);
  return value.is_number_unsigned() ? fitting(value.get<std::uint64_t>())
                                    : fitting(value.get<std::int64_t>());
}

}  // namespace tilepool
