#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tilepool {

/// RFC 4648.
[[nodiscard]] std::string base64(std::span<const std::uint8_t> bytes);

}  // namespace tilepool
