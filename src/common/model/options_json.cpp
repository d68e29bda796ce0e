#include "common/model/options_json.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/model/options_schema.h"

namespace tilepool {
namespace {

constexpr std::string_view kSetSource = "--set";

/// Far deeper than any configuration is, and shallow enough for what walks a document recursively.
constexpr int kMaxDepth = 64;

/// Finds members that an object holds twice while the parser runs: the JSON library keeps the last
/// one silently.
class DuplicateKeys {
 public:
  bool operator()(Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    const bool opens = event == Event::object_start || event == Event::array_start;
    if ((opens || event == Event::value) && !frames_.empty() && frames_.back().array)
      frames_.back().key = std::to_string(frames_.back().next_index++);
    if (opens) frames_.push_back({event == Event::array_start, 0, {}, {}});
    if (event == Event::object_end || event == Event::array_end) frames_.pop_back();
    if (event == Event::key) add(parsed.get<std::string>());
    return true;
  }
  [[nodiscard]] const std::vector<ConfigProblem>& problems() const { return problems_; }

 private:
  struct Frame {
    bool array;
    std::size_t next_index;
    std::string key;
    std::set<std::string> keys;
  };
  void add(const std::string& key) {
    frames_.back().key = key;
    if (frames_.back().keys.insert(key).second) return;
    std::string pointer;
    for (const Frame& frame : frames_) pointer += "/" + frame.key;
    problems_.push_back({pointer, "stands twice; keep one"});
  }
  std::vector<Frame> frames_;
  std::vector<ConfigProblem> problems_;
};

[[noreturn]] void fail_syntax(std::string_view text, std::size_t byte, const std::string& source,
                              std::string_view library_message) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 == 0
  const std::size_t detail = library_message.rfind(": syntax error");
  fail(ErrorCode::kConfig, "{}:{}:{}: {}", source, line, before.size() - line_start + 1,
       printable_utf8(detail == std::string_view::npos ? library_message
                                                       : library_message.substr(detail + 2)));
}

/// Throws Error(kConfig) with line and column; members that stand twice become problems.
Json parse_json(std::string_view text, const std::string& source,
                std::vector<ConfigProblem>& problems) {
  DuplicateKeys duplicates;
  Json document;
  try {
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
      check(depth <= kMaxDepth, ErrorCode::kConfig, "{}: is nested more than {} levels deep",
            source, kMaxDepth);
      return duplicates(event, parsed);
    };
    document = Json::parse(text, watch, /*allow_exceptions=*/true, /*ignore_comments=*/true);
  } catch (const Json::parse_error& error) {
    fail_syntax(text, error.byte, source, error.what());
  } catch (const Json::exception& error) {
    fail(ErrorCode::kConfig, "{}: {}", source, error.what());
  }
  problems = duplicates.problems();
  return document;
}

std::string read_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  check(std::filesystem::exists(path), ErrorCode::kNoInput, "{}: no such configuration file", name);
  check(!std::filesystem::is_directory(path), ErrorCode::kNoInput,
        "{}: is a folder; name a configuration file", name);
  std::ifstream stream(path, std::ios::binary);
  check(stream.is_open(), ErrorCode::kIo, "{}: cannot be read: {}", name, errno_text(errno));
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  check(!stream.bad(), ErrorCode::kIo, "{}: reading failed: {}", name, errno_text(errno));
  return text;
}

std::vector<std::string> split_pointer(std::string_view pointer) {
  std::vector<std::string> parts;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view part = pointer.substr(0, pointer.find('/'));
    parts.emplace_back(part);
    pointer.remove_prefix(part.size());
  }
  return parts;
}

/// Whether `pointer` names a value that is text, so that `--set /manifest=12` is not the number 12.
bool is_text_key(const std::string& pointer) {
  std::string generic;
  for (const std::string& part : split_pointer(pointer)) {
    const bool index = part == "-" || part.find_first_not_of("0123456789") == std::string::npos;
    generic += index ? "/*" : "/" + part;
  }
  const auto& infos = key_infos();
  return std::any_of(infos.begin(), infos.end(), [&](const KeyInfo& info) {
    return info.pointer == generic && info.type == "text";
  });
}

Json parse_set_value(const std::string& pointer, const std::string& written) {
  // What is nested too deep is no JSON here, but text.
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json value = Json::parse(written, watch, /*allow_exceptions=*/false);
  if (too_deep) return written;
  if (value.is_discarded() || (is_text_key(pointer) && !value.is_string())) return written;
  return value;
}

/// The element of `list` that `part` names: an index, or "-" or the size for a new one.
Json* list_element(Json& list, const std::string& part) {
  std::size_t index = list.size();
  if (part != "-") {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (error != std::errc{} || end != part.data() + part.size()) return nullptr;
  }
  if (index > list.size()) return nullptr;
  if (index == list.size()) list.push_back(Json::object());
  return &list[index];
}

/// A list that `pointer` goes into but the document leaves out starts from its default.
Json default_list(const std::string& pointer) {
  for (const auto& key : option_keys())
    if (key.info.pointer == pointer && key.info.type == "list") return key.get(Options{});
  return {};
}

/// Lays one "/json/pointer=value" over the document. Returns what is wrong with it, or "".
std::string apply_set(Json& document, const std::string& pointer, const std::string& written) {
  const std::vector<std::string> parts = split_pointer(pointer);
  if (parts.size() > kMaxDepth) return fmt::format("is more than {} levels deep", kMaxDepth);
  Json* at = &document;
  std::string walked;
  for (const std::string& part : parts) {
    if (at->is_null()) *at = Json::object();
    if (at->is_string() && walked.starts_with("/slides/")) *at = Json{{"path", *at}};
    if (at->is_array()) {
      at = list_element(*at, part);
      if (at == nullptr) return fmt::format("{} is no index of the list {}", part, walked);
    } else if (at->is_object()) {
      walked += "/" + part;
      const bool missing = !at->contains(part);
      at = &(*at)[part];
      if (missing && walked.size() < pointer.size()) *at = default_list(walked);
      continue;
    } else {
      return fmt::format("{} holds nothing that could be set", walked);
    }
    walked += "/" + part;
  }
  *at = parse_set_value(pointer, written);
  return {};
}

/// "SOURCE at /pointer: message" for each problem.
class ProblemList {
 public:
  explicit ProblemList(std::string source) : source_(std::move(source)) {}

  void add_set_pointer(const std::string& pointer) { set_pointers_.push_back(pointer); }
  void add(const ConfigProblem& problem) {
    const bool from_set =
        std::any_of(set_pointers_.begin(), set_pointers_.end(), [&](const std::string& set) {
          return problem.pointer == set || problem.pointer.starts_with(set + "/") ||
                 set.starts_with(problem.pointer + "/");
        });
    lines_.push_back(fmt::format("{} at {}: {}", from_set ? kSetSource : source_,
                                 problem.pointer.empty() ? "/" : problem.pointer, problem.message));
  }
  void add_all(const std::vector<ConfigProblem>& problems) {
    for (const ConfigProblem& problem : problems) add(problem);
  }
  void add_line(std::string line) { lines_.push_back(std::move(line)); }
  void throw_if_any() const {
    check(lines_.empty(), ErrorCode::kConfig, "{}", fmt::join(lines_, "\n"));
  }

 private:
  std::string source_;
  std::vector<std::string> set_pointers_;
  std::vector<std::string> lines_;
};

/// "/sample/fraction" -> "/sample".
std::string section_of(const ConfigProblem& problem) {
  return problem.pointer.substr(0, problem.pointer.find('/', 1));
}

void apply_sets(Json& document, const std::vector<std::string>& sets, ProblemList& list) {
  for (const std::string& set : sets) {
    const std::size_t equals = set.find('=');
    const std::string pointer = set.substr(0, equals);
    if (equals == std::string::npos || !pointer.starts_with('/') || pointer.ends_with('/')) {
      list.add_line(fmt::format("{} {}: expected /json/pointer=value, such as /sample/fraction=0.2",
                                kSetSource, printable_utf8(set)));
      continue;
    }
    list.add_set_pointer(pointer);
    const std::string problem = apply_set(document, pointer, set.substr(equals + 1));
    if (!problem.empty()) list.add({pointer, problem});
  }
}

Options bind_document(std::string_view text, const std::string& source,
                      const std::vector<std::string>& sets) {
  ProblemList list(source);
  std::vector<ConfigProblem> problems;
  Json document = parse_json(text, source, problems);
  list.add_all(problems);
  problems.clear();
  if (document.is_object()) apply_sets(document, sets, list);
  Options options;
  bind_object(document, "", option_keys(), options, problems);
  list.add_all(problems);
  // A value that was refused kept its default: what would be said of that default misleads.
  std::set<std::string> refused_sections;
  for (const ConfigProblem& problem : problems) refused_sections.insert(section_of(problem));
  std::vector<ConfigProblem> together;
  cross_check(options, together);
  for (const ConfigProblem& problem : together)
    if (!refused_sections.contains(section_of(problem))) list.add(problem);
  list.throw_if_any();
  return options;
}

/// Removes what has another effect from the objects of a list.
template <class Element>
void keep_effects(Json& list, const std::vector<Key<Element>>& keys,
                  const std::vector<KeyEffect>& effects) {
  for (Json& item : list)
    for (const auto& key : keys)
      if (item.is_object() &&
          std::find(effects.begin(), effects.end(), key.info.effect) == effects.end())
        item.erase(key.info.pointer.substr(1));
}

Json to_json(const Options& options, const std::vector<KeyEffect>& effects) {
  Json document = Json::object();
  for (const auto& key : option_keys()) {
    if (std::find(effects.begin(), effects.end(), key.info.effect) == effects.end()) continue;
    Json value = key.get(options);
    if (key.info.pointer == "/task/classes") keep_effects(value, class_keys(), effects);
    document[Json::json_pointer(key.info.pointer)] = std::move(value);
  }
  return document;
}

/// Pointer -> value of all leaves, in order.
std::vector<std::pair<std::string, Json>> leaves(const std::string& identity) {
  std::vector<std::pair<std::string, Json>> all;
  const Json flat = Json::parse(identity).flatten();
  for (const auto& [pointer, value] : flat.items()) all.emplace_back(pointer, value);
  return all;
}

struct Difference {
  std::string pointer, before, after;
};

std::vector<Difference> differences(const std::string& identity_a, const std::string& identity_b) {
  const auto a = leaves(identity_a);
  const auto b = leaves(identity_b);
  std::map<std::string, Json> in_a(a.begin(), a.end());
  std::map<std::string, Json> in_b(b.begin(), b.end());
  std::vector<Difference> found;
  for (const auto& [pointer, value] : a) {
    const auto other = in_b.find(pointer);
    if (other == in_b.end())
      found.push_back({pointer, value.dump(), "absent"});
    else if (other->second != value)
      found.push_back({pointer, value.dump(), other->second.dump()});
  }
  for (const auto& [pointer, value] : b)
    if (!in_a.contains(pointer)) found.push_back({pointer, "absent", value.dump()});
  return found;
}

}  // namespace

LoadedConfig load_config(const std::filesystem::path& path, const std::vector<std::string>& sets) {
  const std::string source = path.string();
  return {bind_document(read_file(path), source, sets), source};
}

std::string options_to_json(const Options& options) {
  return to_json(options,
                 {KeyEffect::kNone, KeyEffect::kCohort, KeyEffect::kResults, KeyEffect::kSample})
             .dump(2) +
         "\n";
}

Options options_from_json(std::string_view text) { return bind_document(text, "options", {}); }

std::string result_identity_json(const Options& options, bool with_sample) {
  std::vector<KeyEffect> effects = {KeyEffect::kResults};
  if (with_sample) effects.push_back(KeyEffect::kSample);
  return to_json(options, effects).dump();
}

std::vector<std::string> differing_keys(const std::string& identity_a,
                                        const std::string& identity_b) {
  std::vector<std::string> lines;
  for (const Difference& one : differences(identity_a, identity_b))
    lines.push_back(fmt::format("{}: {} -> {}", one.pointer, one.before, one.after));
  return lines;
}

bool differs_only_in_sample_size(const std::string& identity_a, const std::string& identity_b) {
  const auto found = differences(identity_a, identity_b);
  return !found.empty() && std::all_of(found.begin(), found.end(), [](const Difference& one) {
    return one.pointer == "/sample/fraction" || one.pointer == "/sample/count";
  });
}

}  // namespace tilepool
