#include "labels/label_file.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kUidDigits = 16;

std::optional<std::uint64_t> number_of(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, value, base);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<Label> label_of(const Json& word) {
  if (word == "yes") return Label::kYes;
  if (word == "no") return Label::kNo;
  if (word == "unsure") return Label::kUnsure;
  return std::nullopt;
}

std::string shown(const Json& value) {
  // dump() walks recursively: only what is flat is shown.
  return value.is_structured()
             ? value.type_name()
             : printable_utf8(value.dump(-1, ' ', false, Json::error_handler_t::replace))
                   .substr(0, 60);
}

/// Reads one document into `file`, gathering what is wrong.
class LabelReader {
 public:
  explicit LabelReader(LabelFile& file) : file_(file) {}

  void read(const Json& document) {
    if (!document.is_object()) return note("no JSON object", document.type_name());
    if (document.contains("format"))
      read_own(document);
    else if (document.contains("annotations"))
      read_words(document["annotations"]);
    else if (document.contains("positive") || document.contains("negative"))
      read_lists(document);
    else
      return note("none of the forms that docs/labels.md describes", "no \"format\" in it");
    read_texts(document);
  }

  /// To be told of while the text is parsed: of equal keys only the last would be seen.
  void note_key(const std::string& key) { note("a key stands twice", printable_utf8(key)); }

  [[nodiscard]] std::string problems() const {
    std::string text;
    for (const Problem& one : problems_)
      text +=
          fmt::format("\n  {}: {}{}", file_.name, one.what,
                      one.count == 1 ? " (" + one.first + ")"
                                     : fmt::format(", {} times (first: {})", one.count, one.first));
    return text;
  }

 private:
  struct Problem {
    std::string what, first;
    std::uint64_t count = 1;
  };

  void note(const std::string& what, const std::string& example) {
    const auto same = std::ranges::find(problems_, what, &Problem::what);
    if (same == problems_.end())
      problems_.push_back({what, example});
    else
      ++same->count;
  }

  void read_own(const Json& document) {
    if (document["format"] != "tilepool-labels")
      note("format is not \"tilepool-labels\"", shown(document["format"]));
    if (document.value("version", Json()) != 1)
      note("version is not 1; a newer tilepool may read it",
           shown(document.value("version", Json())));
    for (const char* const key : {"pipeline_id", "class", "annotator"})
      if (!document.contains(key)) note("a key is missing", key);
    const Json labels = document.value("labels", Json());
    if (!labels.is_object()) return note("\"labels\" is no object", labels.type_name());
    for (const auto& [uid, entry] : labels.items()) {
      if (entry.is_object() && entry.contains("label"))
        add(uid, entry["label"]);
      else
        note("a label is no object with \"label\"", printable_utf8(uid));
    }
  }

  void read_words(const Json& annotations) {
    if (!annotations.is_object())
      return note("\"annotations\" is no object", annotations.type_name());
    for (const auto& [uid, word] : annotations.items()) add(uid, word);
  }

  void read_lists(const Json& document) {
    read_list(document, "positive", "yes");
    read_list(document, "negative", "no");
    read_list(document, "unsure", "unsure");
  }

  void read_list(const Json& document, const char* key, const char* word) {
    if (!document.contains(key)) return;
    const Json& list = document[key];
    if (!list.is_array()) return note("a list of uids is no list", key);
    for (const Json& uid : list) {
      if (uid.is_string())
        add(uid.get<std::string>(), word);
      else if (uid.is_number_unsigned())
        add(std::to_string(uid.get<std::uint64_t>()), word, false);
      else
        note("a uid is neither text nor a whole number", shown(uid));
    }
  }

  void add(const std::string& text, const Json& word, bool hex = true) {
    const auto uid = hex ? parse_uid(text) : number_of(text, 10);
    if (!uid) return note("a uid is neither 16 hex digits nor decimal", printable_utf8(text));
    const auto label = label_of(word);
    if (!label) return note("a label is none of yes, no, unsure", shown(word));
    const auto [there, added] = file_.labels.emplace(*uid, *label);
    if (!added && there->second != *label) note("a cell has two labels", uid_text(*uid));
  }

  void read_texts(const Json& document) {
    read_text(document, "pipeline_id", file_.pipeline_id);
    read_text(document, "class", file_.class_name);
    std::optional<std::string> annotator;
    read_text(document, "annotator", annotator);
    file_.annotator = annotator.value_or(file_.name);
  }

  void read_text(const Json& document, const char* key, std::optional<std::string>& text) {
    if (!document.contains(key)) return;
    if (!document[key].is_string())
      return note(fmt::format("\"{}\" is no text", key), document[key].type_name());
    text = document[key].get<std::string>();
    if (text->empty() || has_control_character(*text))
      note(fmt::format("\"{}\" is empty or has control characters", key), printable_utf8(*text));
  }

  LabelFile& file_;
  std::vector<Problem> problems_;
};

Json parse(std::string_view json, LabelReader& reader) {
  using Event = Json::parse_event_t;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  return Json::parse(json, [&](int, Event event, Json& parsed) {
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second)
      reader.note_key(parsed.get<std::string>());
    return true;
  });
}

}  // namespace

std::optional<std::uint64_t> parse_uid(std::string_view text) {
  if (text.starts_with("0x")) return number_of(text.substr(2), 16);
  return number_of(text, text.size() == kUidDigits ? 16 : 10);
}

LabelFile parse_labels(std::string_view json, const std::string& name) {
  LabelFile file;
  file.name = name;
  LabelReader reader(file);
  try {
    reader.read(parse(json, reader));
  } catch (const Json::exception& error) {
    fail(ErrorCode::kConfig, "{} is no JSON that can be read: {}", name,
         printable_utf8(error.what()));
  }
  const std::string problems = reader.problems();
  check(problems.empty(), ErrorCode::kConfig, "labels that cannot be used:{}", problems);
  check(!file.labels.empty(), ErrorCode::kConfig, "{} holds no label", name);
  return file;
}

}  // namespace tilepool
