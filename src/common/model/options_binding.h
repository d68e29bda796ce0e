#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/model/options_schema.h"

/// How JSON values become members: the building blocks of the table in options_schema.cpp.
/// A `Ref` is a generic lambda from a Target (const or not) to a reference to its member; a member
/// of type std::optional takes null for nullopt.
namespace tilepool::binding {

/// "the text \"abc\"", "the number 10", "null", "a list", "an object".
[[nodiscard]] std::string describe(const Json& value);

/// A closed interval; with `above_min` open at its lower end.
struct Interval {
  double min = 0;
  double max = 0;
  bool above_min = false;

  [[nodiscard]] bool contains(double value) const {
    return (above_min ? value > min : value >= min) && value <= max;
  }
  [[nodiscard]] std::string text() const {
    return fmt::format("{}{}, {}]", above_min ? '(' : '[', min, max);
  }
};

/// Each reads `value` into `out` and returns "", or what is wrong with it.
[[nodiscard]] std::string read_number(const Json& value, const Interval& interval, double& out);
[[nodiscard]] std::string read_text(const Json& value, std::size_t max_bytes, std::string& out);
/// A size with a unit, or a whole number of bytes; at least `min_bytes`.
[[nodiscard]] std::string read_bytes(const Json& value, std::size_t min_bytes, std::size_t& out);
/// The shortest text that parse_bytes reads back to exactly `bytes`: "6GiB", "1500MiB", "12345".
[[nodiscard]] std::string bytes_text(std::size_t bytes);

template <class V>
[[nodiscard]] std::string read_integer(const Json& value, V min, V max, V& out) {
  if (!value.is_number()) return fmt::format("expected an integer, got {}", describe(value));
  std::string outside = fmt::format("{} is not in [{}, {}]", value.dump(), min, max);
  const auto accept = [&](auto number) {
    if (std::cmp_less(number, min) || std::cmp_greater(number, max)) return outside;
    out = static_cast<V>(number);
    return std::string();
  };
  if (value.is_number_unsigned()) return accept(value.template get<std::uint64_t>());
  if (value.is_number_integer()) return accept(value.template get<std::int64_t>());
  const auto number = value.template get<double>();
  if (std::abs(number) > 9007199254740992.0) return outside;  // 2^53: no longer exact
  if (number != std::floor(number)) return fmt::format("expected an integer, got {}", value.dump());
  return accept(static_cast<std::int64_t>(number));
}

/// The type, range and accessors of a key, before it has a name.
template <class Target>
struct Binding {
  std::string type;
  std::string range;
  decltype(Key<Target>::get) get;
  decltype(Key<Target>::set) set;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// Builds a Binding from a reader `read(value, out) -> problem` and a writer `write(value) -> Json`
/// of the plain type V; an optional member takes `absent` for nullopt.
template <class Target, class V, class Ref, class Read, class Write>
[[nodiscard]] Binding<Target> make_binding(Ref ref, std::string type, std::string range,
                                           const Json& absent, Read read, Write write) {
  Binding<Target> binding{std::move(type), std::move(range), {}, {}};
  binding.get = [ref, write, absent](const Target& target) -> Json {
    const auto& member = ref(target);
    if constexpr (is_optional<std::remove_cvref_t<decltype(member)>>)
      return member ? Json(write(*member)) : absent;
    else
      return write(member);
  };
  binding.set = [ref, read, absent](Target& target, const Json& value, const std::string& pointer,
                                    std::vector<ConfigProblem>& problems) {
    auto& member = ref(target);
    if constexpr (is_optional<std::remove_cvref_t<decltype(member)>>) {
      if (value == absent) {
        member.reset();
        return;
      }
    }
    V plain{};
    const std::string problem = read(value, plain);
    if (problem.empty())
      member = std::move(plain);
    else
      problems.push_back({pointer, problem});
  };
  return binding;
}

template <class Member>
[[nodiscard]] std::string or_null(const std::string& type) {
  return is_optional<Member> ? type + " or null" : type;
}
template <class Target, class Ref>
using MemberOf = std::remove_cvref_t<decltype(std::declval<Ref>()(std::declval<Target&>()))>;

template <class Target, class V, class Ref>
[[nodiscard]] Binding<Target> integer(Ref ref, V min, V max) {
  return make_binding<Target, V>(
      ref, or_null<MemberOf<Target, Ref>>("integer"), fmt::format("[{}, {}]", min, max), nullptr,
      [min, max](const Json& value, V& out) { return read_integer<V>(value, min, max, out); },
      [](const V& value) { return Json(value); });
}

/// `hint` follows a value that is out of range.
template <class Target, class Ref>
[[nodiscard]] Binding<Target> number(Ref ref, Interval interval, const std::string& hint = {}) {
  return make_binding<Target, double>(
      ref, or_null<MemberOf<Target, Ref>>("number"), interval.text(), nullptr,
      [interval, hint](const Json& value, double& out) {
        const std::string problem = read_number(value, interval, out);
        return problem.empty() || hint.empty() || !value.is_number() ? problem
                                                                     : problem + "; " + hint;
      },
      [](const double& value) { return Json(value); });
}

template <class Target, class Ref>
[[nodiscard]] Binding<Target> flag(Ref ref) {
  return make_binding<Target, bool>(
      ref, "true or false", "", nullptr,
      [](const Json& value, bool& out) -> std::string {
        if (!value.is_boolean())
          return fmt::format("expected true or false, got {}", describe(value));
        out = value.get<bool>();
        return "";
      },
      [](const bool& value) { return Json(value); });
}

template <class Target, class Ref>
[[nodiscard]] Binding<Target> text(Ref ref, std::size_t max_bytes) {
  return make_binding<Target, std::string>(
      ref, or_null<MemberOf<Target, Ref>>("text"), "", nullptr,
      [max_bytes](const Json& value, std::string& out) { return read_text(value, max_bytes, out); },
      [](const std::string& value) { return Json(value); });
}

/// A size in bytes, or "auto" for nullopt.
template <class Target, class Ref>
[[nodiscard]] Binding<Target> bytes_or_auto(Ref ref, std::size_t min_bytes) {
  return make_binding<Target, std::size_t>(
      ref, "\"auto\" or a size with its unit", fmt::format("at least {}", bytes_text(min_bytes)),
      "auto",
      [min_bytes](const Json& value, std::size_t& out) {
        return read_bytes(value, min_bytes, out);
      },
      [](const std::size_t& value) { return Json(bytes_text(value)); });
}

/// `choices` pairs the word in the file with the enumerator; `not_built` are words that are known
/// but not part of this version.
template <class Target, class Enum, class Ref>
[[nodiscard]] Binding<Target> choice(Ref ref, std::vector<std::pair<std::string, Enum>> choices,
                                     const std::vector<std::string>& not_built = {}) {
  std::string words;
  for (const auto& [word, value] : choices) words += (words.empty() ? "" : ", ") + word;
  return make_binding<Target, Enum>(
      ref, "one of", words, nullptr,
      [choices, words, not_built](const Json& value, Enum& out) {
        for (const auto& [word, enumerator] : choices) {
          if (value != word) continue;
          out = enumerator;
          return std::string();
        }
        for (const std::string& word : not_built)
          if (value == word) return fmt::format("\"{}\" is not built; use {}", word, words);
        return fmt::format("{} is none of {}", describe(value), words);
      },
      [choices](const Enum& value) {
        for (const auto& [word, enumerator] : choices)
          if (enumerator == value) return Json(word);
        fail(ErrorCode::kInternal, "an enumerator has no word in the options schema");
      });
}

}  // namespace tilepool::binding
