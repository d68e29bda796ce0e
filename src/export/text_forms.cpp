#include "export/text_forms.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "common/base/error.h"
#include "common/run/cell_scores.h"

namespace tilepool {
namespace {

constexpr double kLeastPlain = 1e-5;
constexpr double kMostPlain = 1e15;

template <class T>
void append_shortest(std::string& text, T value) {
  check(std::isfinite(value), ErrorCode::kInternal, "a number that is not finite cannot be text");
  const auto size = static_cast<double>(std::abs(value));
  const bool plain = size == 0 || (size >= kLeastPlain && size < kMostPlain);
  // 17 digits, a sign, a point and up to 5 zeros behind it; or an exponent of 5 characters.
  std::array<char, 32> digits{};
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  check(error == std::errc{}, ErrorCode::kInternal, "a number needs more than {} characters",
        digits.size());
  text.append(digits.data(), end);
}

}  // namespace

void append_number(std::string& text, float value) { append_shortest(text, value); }
void append_number(std::string& text, double value) { append_shortest(text, value); }

void append_csv_field(std::string& text, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    text += field;
    return;
  }
  text += '"';
  for (const char c : field) {
    if (c == '"') text += '"';
    text += c;
  }
  text += '"';
}

void append_json_text(std::string& json, std::string_view text) {
  json += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string_view decision_word(std::uint8_t decision) {
  if (decision == kUnscored) return "";
  return decision == kYes ? "yes" : "no";
}

std::string cell_uuid(std::uint64_t uid, std::uint64_t slide_hash) {
  constexpr std::uint64_t kVersion = 8;
  constexpr std::uint64_t kVariant = 0b10;
  const std::uint64_t high = (uid >> 16 << 16) | kVersion << 12 | (uid >> 4 & 0xfff);
  const std::uint64_t low = kVariant << 62 | (uid & 0xf) << 58 | slide_hash >> 6;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffffffffffff);
}

std::uint64_t slide_hash(std::string_view slide_id) {
  return XXH64(slide_id.data(), slide_id.size(), 0);
}

}  // namespace tilepool
