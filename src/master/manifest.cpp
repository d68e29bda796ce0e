#include "master/manifest.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

struct Record {
  std::size_t line = 0;
  std::vector<std::string> fields;

  [[nodiscard]] bool blank() const { return fields.size() == 1 && trimmed(fields[0]).empty(); }
};

/// Splits CSV text into records (RFC 4180).
class CsvReader {
 public:
  CsvReader(std::string_view text, std::vector<std::string>& problems, const std::string& name)
      : text_(text), problems_(problems), name_(name) {}

  /// The next record, nullopt at the end.
  std::optional<Record> next() {
    if (at_ >= text_.size()) return std::nullopt;
    Record record{line_, {}};
    do {
      record.fields.push_back(field());
    } while (take(','));
    take('\r');
    if (at_ < text_.size()) take('\n');
    ++line_;
    return record;
  }

 private:
  bool take(char expected) {
    if (at_ >= text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }

  std::string field() {
    const std::size_t begin_line = line_;
    std::string value;
    if (take('"')) {
      while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c == '"' && !take('"')) return value + unquoted();  // "" inside quotes is one "
        if (c == '\n') ++line_;
        value += c;
      }
      problems_.push_back(fmt::format("{}:{}: a quote \" is not closed", name_, begin_line));
      return value;
    }
    return unquoted();
  }

  std::string unquoted() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' &&
           text_.substr(at_, 2) != "\r\n")
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string_view text_;
  std::vector<std::string>& problems_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

enum Column : std::size_t { kPath, kId, kGroup, kMpp, kAnnotations, kColumns };
constexpr std::array<std::string_view, kColumns> kColumnNames = {"path", "id", "group", "mpp",
                                                                 "annotations"};

/// Parses one manifest; problems are collected and thrown at the end.
class ManifestParser {
 public:
  ManifestParser(const std::string& name, std::vector<std::string>& warnings)
      : name_(name), warnings_(warnings) {}

  std::vector<ManifestRow> parse(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (!is_utf8(text)) fail(ErrorCode::kConfig, "{}: is not UTF-8; save it as UTF-8", name_);
    CsvReader reader(text, problems_, name_);
    std::optional<Record> record = reader.next();
    while (record && record->blank()) record = reader.next();
    if (record) read_header(*record);
    std::vector<ManifestRow> rows;
    while (header_good_) {
      record = reader.next();
      if (!record) break;
      if (!record->blank()) rows.push_back(read_row(*record));
    }
    check(problems_.empty(), ErrorCode::kConfig, "{}", fmt::join(problems_, "\n"));
    return rows;
  }

 private:
  void problem(std::size_t line, const std::string& text) {
    problems_.push_back(fmt::format("{}:{}: {}", name_, line, text));
  }

  void read_header(const Record& header) {
    width_ = header.fields.size();
    for (std::size_t i = 0; i < width_; ++i) {
      const std::string title(trimmed(header.fields[i]));
      const auto known = std::find(kColumnNames.begin(), kColumnNames.end(), title);
      if (known == kColumnNames.end()) {
        warnings_.push_back(
            fmt::format("{}: column \"{}\" is not used", name_, printable_utf8(title)));
        continue;
      }
      auto& place = places_[static_cast<std::size_t>(known - kColumnNames.begin())];
      if (place) problem(header.line, fmt::format("column \"{}\" stands twice", title));
      place = i;
    }
    if (!places_[kPath])
      problem(header.line,
              fmt::format("the header has no column \"path\"; it is \"{}\", expected "
                          "path[,id][,group][,mpp][,annotations] separated by commas",
                          printable_utf8(fmt::format("{}", fmt::join(header.fields, ",")))));
    header_good_ = problems_.empty();
  }

  std::string value(const Record& record, Column column) {
    const auto place = places_[column];
    if (!place || *place >= record.fields.size()) return {};
    std::string text(trimmed(record.fields[*place]));
    if (has_control_character(text))
      problem(record.line, fmt::format("{} has a control character", kColumnNames[column]));
    return text;
  }

  ManifestRow read_row(const Record& record) {
    ManifestRow row{record.line, {}};
    if (record.fields.size() > width_)
      problem(record.line,
              fmt::format("has {} fields, the header has {}; quote a field that holds a comma",
                          record.fields.size(), width_));
    row.entry.path = value(record, kPath);
    if (row.entry.path.empty()) problem(record.line, "has no path");
    row.entry.id = value(record, kId);
    if (row.entry.id.size() > 255) problem(record.line, "id has more than 255 bytes");
    row.entry.group = value(record, kGroup);
    if (row.entry.group.size() > 255) problem(record.line, "group has more than 255 bytes");
    const std::string written = value(record, kMpp);
    if (!written.empty()) row.entry.mpp = read_mpp(record.line, written);
    row.entry.annotations = value(record, kAnnotations);
    return row;
  }

  double read_mpp(std::size_t line, const std::string& written) {
    double mpp = 0;
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), mpp);
    if (error != std::errc{} || end != written.data() + written.size())
      problem(line, fmt::format("mpp \"{}\" is not a number", printable_utf8(written)));
    else if (!(mpp >= 0.05 && mpp <= 20))
      problem(line, fmt::format("mpp {} is not in [0.05, 20] um/px", mpp));
    return mpp;
  }

  const std::string& name_;
  std::vector<std::string>& warnings_;
  std::vector<std::string> problems_;
  std::array<std::optional<std::size_t>, kColumns> places_;
  std::size_t width_ = 0;
  bool header_good_ = false;
};

}  // namespace

std::vector<ManifestRow> parse_manifest(std::string_view text, const std::string& name,
                                        std::vector<std::string>& warnings) {
  return ManifestParser(name, warnings).parse(text);
}

}  // namespace tilepool
