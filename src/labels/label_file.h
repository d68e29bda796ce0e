#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tilepool {

enum class Label : std::uint8_t { kNo = 0, kYes = 1, kUnsure = 2 };

/// One annotator's words on cells of one class. docs/labels.md has the forms.
struct LabelFile {
  std::string name;                        ///< of the file, for messages
  std::string annotator;                   ///< where the file names none: `name`
  std::optional<std::string> pipeline_id;  ///< the older forms may lack it
  std::optional<std::string> class_name;   ///< likewise
  std::map<std::uint64_t, Label> labels;   ///< by the cells' uids
};

/// Reads any of the three forms. Throws Error(kConfig) that names `name` and lists everything that
/// is wrong, the same kind of thing once, with its count and the first example.
[[nodiscard]] LabelFile parse_labels(std::string_view json, const std::string& name);

/// "00ab..." of 16 hex digits, "0x..." or a decimal number up to 2^64 - 1; nullopt for other texts.
[[nodiscard]] std::optional<std::uint64_t> parse_uid(std::string_view text);

}  // namespace tilepool
