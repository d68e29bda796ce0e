#include "classifier/label_check.h"

#include "common/base/error.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

/// What is wrong with the cells of one file, a line each.
std::string cell_problems(const LabelFile& file, std::uint8_t class_index,
                          const std::string& class_name,
                          const std::unordered_map<std::uint64_t, CellPlace>& cells) {
  std::uint64_t unknown = 0;
  std::uint64_t other_class = 0;
  std::uint64_t first_unknown = 0;
  for (const auto& [uid, label] : file.labels) {
    const auto cell = cells.find(uid);
    if (cell == cells.end()) {
      if (unknown++ == 0) first_unknown = uid;
    } else if (cell->second.class_index != class_index) {
      ++other_class;
    }
  }
  std::string text;
  if (unknown > 0)
    text +=
        fmt::format("\n  {}: {} of {} labels name cells that this run does not have (first: {})",
                    file.name, unknown, file.labels.size(), uid_text(first_unknown));
  if (other_class > 0)
    text += fmt::format("\n  {}: {} of {} labels are on cells of another class than \"{}\"",
                        file.name, other_class, file.labels.size(), class_name);
  return text;
}

}  // namespace

void check_labels(const ResultsReader& results, const std::string& class_name,
                  std::span<const LabelFile> files,
                  const std::unordered_map<std::uint64_t, CellPlace>& cells) {
  const std::uint8_t class_index = class_index_of(results, class_name);
  std::string problems;
  for (const LabelFile& file : files) {
    if (file.class_name && *file.class_name != class_name)
      problems += fmt::format("\n  {}: its {} labels are of class \"{}\", not \"{}\"", file.name,
                              file.labels.size(), printable_utf8(*file.class_name), class_name);
    if (file.pipeline_id && *file.pipeline_id != results.pipeline_id())
      problems +=
          fmt::format("\n  {}: its {} labels are of pipeline {}, this run is of {}", file.name,
                      file.labels.size(), printable_utf8(*file.pipeline_id), results.pipeline_id());
    else
      problems += cell_problems(file, class_index, class_name, cells);
  }
  check(problems.empty(), ErrorCode::kConfig,
        "labels that do not fit this run; give those made on it, or on one that differs only in "
        "/sample:{}",
        problems);
}

}  // namespace tilepool
