#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tilepool {

/// Fewest insertions, deletions, substitutions and swaps of neighbours that make `a` into `b`
/// (optimal string alignment distance), counted in bytes.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that was probably meant by `word`: the nearest one, if at most a third of the
/// longer word has to change (at least 2 bytes, 1 in words up to 3 bytes); a candidate that only
/// goes on where `word` (3 bytes or more) ends counts as one change. The first of equals.
[[nodiscard]] std::optional<std::string> nearest_of(std::string_view word,
                                                    const std::vector<std::string>& candidates);

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text);

/// `text` with every byte that is not part of well-formed UTF-8, and every control character,
/// replaced by '_': what can stand in a ledger.
[[nodiscard]] std::string printable_utf8(std::string_view text);

/// Whether `text` has a byte below 0x20 or 0x7f.
[[nodiscard]] bool has_control_character(std::string_view text);

/// `text` without spaces, tabs and line ends at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// A cell's uid as every text shows it: 16 lower-case hex digits.
[[nodiscard]] std::string uid_text(std::uint64_t uid);

}  // namespace tilepool
