#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tilepool {

/// One line of text as it may stand in HTML, in an element or a quoted attribute: & < > " ' are
/// escaped, control characters and bytes that are no UTF-8 become '_'.
[[nodiscard]] std::string escape_html(std::string_view text);
/// The same, but line ends stay.
[[nodiscard]] std::string escape_block(std::string_view text);

/// 1234567 -> "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t value);
[[nodiscard]] std::string grouped(std::int64_t value);
/// 1, "tile" -> "1 tile"; 2, "tile" -> "2 tiles".
[[nodiscard]] std::string counted(std::uint64_t value, std::string_view noun);
/// Share in percent, with as many digits as it needs: "10 %", "0.3 %"; "0 %" of nothing.
[[nodiscard]] std::string percent(double part, double whole);
/// At least three significant digits: "0.0123", "4.26", "1,234".
[[nodiscard]] std::string significant(double value);

}  // namespace tilepool
