#include "common/model/options_binding.h"

#include <array>

#include "common/base/text.h"
#include "common/base/units.h"

namespace tilepool::binding {

std::string describe(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_null()) return "null";
  constexpr auto kReplace = Json::error_handler_t::replace;
  std::string written = value.dump(-1, ' ', false, kReplace);
  if (value.is_string()) return "the text " + written;
  if (value.is_boolean()) return written;
  return "the number " + written;
}

std::string read_number(const Json& value, const Interval& interval, double& out) {
  if (!value.is_number()) return fmt::format("expected a number, got {}", describe(value));
  const auto number = value.get<double>();
  if (!interval.contains(number))
    return fmt::format("{} is not in {}", value.dump(), interval.text());
  out = number;
  return {};
}

std::string read_text(const Json& value, std::size_t max_bytes, std::string& out) {
  if (!value.is_string()) return fmt::format("expected text, got {}", describe(value));
  const auto& written = value.get_ref<const std::string&>();
  if (!is_utf8(written)) return "is not UTF-8";
  if (has_control_character(written)) return "has a control character";
  if (written.size() > max_bytes)
    return fmt::format("has {} bytes; at most {} fit", written.size(), max_bytes);
  out = written;
  return {};
}

std::string read_bytes(const Json& value, std::size_t min_bytes, std::size_t& out) {
  std::optional<std::size_t> bytes;
  if (value.is_string()) bytes = parse_bytes(value.get_ref<const std::string&>());
  if (value.is_number_unsigned()) bytes = value.get<std::size_t>();
  if (!bytes)
    return fmt::format("expected \"auto\" or a size such as \"6GiB\", got {}", describe(value));
  if (*bytes < min_bytes)
    return fmt::format("{} bytes is less than {}; write a size with its unit, such as \"6GiB\"",
                       *bytes, bytes_text(min_bytes));
  out = *bytes;
  return {};
}

std::string bytes_text(std::size_t bytes) {
  constexpr std::array<std::pair<const char*, std::size_t>, 3> kUnits = {
      {{"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}}};
  for (const auto& [unit, factor] : kUnits)
    if (bytes >= factor && bytes % factor == 0) return fmt::format("{}{}", bytes / factor, unit);
  return fmt::format("{}", bytes);
}

}  // namespace tilepool::binding
