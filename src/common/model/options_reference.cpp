#include <algorithm>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/model/options_json.h"
#include "common/model/options_schema.h"

namespace tilepool {
namespace {

std::string section_of(const std::string& pointer) {
  const std::size_t slash = pointer.find('/', 1);
  return slash == std::string::npos ? "" : pointer.substr(1, slash - 1);
}

std::string name_of(const std::string& pointer) { return pointer.substr(pointer.rfind('/') + 1); }

/// "integer in [16, 32768], px"
std::string type_text(const KeyInfo& info) {
  const char* const joint = info.range.starts_with('[') || info.range.starts_with('(') ? " in "
                            : info.type == "one of"                                    ? " "
                                                                                       : ": ";
  return info.type + (info.range.empty() ? "" : joint + info.range) +
         (info.unit.empty() ? "" : ", " + info.unit);
}

Json default_of(const std::string& pointer) {
  const auto find = [&](const auto& keys, const auto& target, const std::string& local,
                        Json& found) {
    for (const auto& key : keys)
      if (key.info.pointer == local) found = key.get(target);
  };
  Json found = Json(Json::value_t::discarded);
  const std::size_t element = pointer.find("/*/");
  if (element == std::string::npos)
    find(option_keys(), Options{}, pointer, found);
  else if (pointer.starts_with("/slides"))
    find(slide_keys(), SlideEntry{}, pointer.substr(element + 2), found);
  else
    find(class_keys(), CellClass{}, pointer.substr(element + 2), found);
  check(!found.is_discarded(), ErrorCode::kInternal, "no default for {}", pointer);
  return found;
}

/// `| characters` in a cell of a Markdown table need a backslash.
std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, "\\");
  return text;
}

const char* effect_text(KeyEffect effect) {
  switch (effect) {
    case KeyEffect::kNone:
      return "no";
    case KeyEffect::kCohort:
      return "the slides";
    case KeyEffect::kResults:
      return "yes";
    case KeyEffect::kSample:
      return "the sample";
  }
  return "";
}

/// The members of one section (or of the root), each with its comment lines.
std::string reference_members(const std::string& section, const std::string& indent) {
  std::string text;
  for (const KeyInfo& info : key_infos()) {
    if (section_of(info.pointer) != section) continue;
    if (info.pointer.find("/*") != std::string::npos) continue;
    text += fmt::format("{}// {}\n{}// {}.\n", indent, info.doc, indent, type_text(info));
    for (const KeyInfo& element : key_infos())
      if (element.pointer.starts_with(info.pointer + "/*/"))
        text += fmt::format("{}//   \"{}\": {} ({})\n", indent, name_of(element.pointer),
                            element.doc, type_text(element));
    text += fmt::format("{}\"{}\": {},\n", indent, name_of(info.pointer),
                        default_of(info.pointer).dump());
  }
  return text;
}

/// `text` without the comma that ends its last member.
std::string without_last_comma(std::string text) {
  text.erase(text.rfind(','), 1);
  return text;
}

}  // namespace

std::string reference_config() {
  std::string text =
      "// Every key of a tilepool configuration at its default (written by `tilepool config`).\n"
      "// Copy what you change; what is left out has its default.\n{\n";
  std::vector<std::string> sections;
  for (const KeyInfo& info : key_infos()) {
    const std::string section = section_of(info.pointer);
    if (info.pointer.starts_with("/slides/")) continue;
    if (std::find(sections.begin(), sections.end(), section) == sections.end())
      sections.push_back(section);
  }
  for (const std::string& section : sections) {
    if (section.empty())
      text += reference_members(section, "  ");
    else
      text += fmt::format("\n  \"{}\": {{\n{}  }},\n", section,
                          without_last_comma(reference_members(section, "    ")));
  }
  return without_last_comma(text) + "}\n";
}

std::string configuration_table() {
  std::string text =
      "| key | values | default | changes results | meaning |\n|---|---|---|---|---|\n";
  for (const KeyInfo& info : key_infos())
    text += fmt::format("| `{}` | {} | `{}` | {} | {} |\n", info.pointer, cell(type_text(info)),
                        cell(default_of(info.pointer).dump()), effect_text(info.effect),
                        cell(info.doc));
  return text;
}

}  // namespace tilepool
