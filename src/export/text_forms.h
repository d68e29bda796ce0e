#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tilepool {

/// Appends the shortest decimal text that reads back as the same number: "0.1", "1250", "1e-07".
/// Plain digits for 1e-5 <= |value| < 1e15 and for zero, else with an exponent; valid in JSON.
/// `value` must be finite.
void append_number(std::string& text, float value);
void append_number(std::string& text, double value);

/// Appends a field of RFC 4180: in quotes where it holds a comma, a quote or a line end.
void append_csv_field(std::string& text, std::string_view field);

/// Appends `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
void append_json_text(std::string& json, std::string_view text);

/// "yes", "no", or "" for a cell that no classifier knows; `decision` as CellScores gives it.
[[nodiscard]] std::string_view decision_word(std::uint8_t decision);

/// The UUID of a cell: version 8 of RFC 9562, whose 122 free bits are, from the first on, the 64
/// bits of the uid and the upper 58 bits of `slide_hash`. So it is the same in every export, and
/// the uid can be read back from it.
[[nodiscard]] std::string cell_uuid(std::uint64_t uid, std::uint64_t slide_hash);

/// XXH64 (seed 0) of a slide's id: the slide's part of cell_uuid().
[[nodiscard]] std::uint64_t slide_hash(std::string_view slide_id);

}  // namespace tilepool
