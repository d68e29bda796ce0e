#include "report/text_table.h"

#include <algorithm>

#include "common/base/error.h"

namespace tilepool {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

/// The first `count` characters, in bytes.
std::size_t bytes_of(const std::string& utf8, std::size_t count) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i)
    if (begins_character(utf8[i]) && seen++ == count) return i;
  return utf8.size();
}

}  // namespace

std::size_t text_width(const std::string& utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), begins_character));
}

std::string shortened(const std::string& utf8, std::size_t width) {
  const std::size_t length = text_width(utf8);
  if (length <= width) return utf8;
  const std::size_t tail = (width - 3) / 2;
  const std::size_t head = width - 3 - tail;
  return utf8.substr(0, bytes_of(utf8, head)) + "..." + utf8.substr(bytes_of(utf8, length - tail));
}

void TextTable::add(std::vector<std::string> cells) {
  check(cells.size() == columns_.size(), ErrorCode::kInternal, "{} cells in a table of {} columns",
        cells.size(), columns_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text(std::size_t indent) const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(text_width(columns_[c].title));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], text_width(row[c]));
  }
  std::string text;
  const auto append_cell = [&](std::string& line, std::size_t c, const std::string& cell) {
    const std::string padding(widths[c] - text_width(cell), ' ');
    line += columns_[c].align == Align::kRight ? padding + cell : cell + padding;
    line += "  ";
  };
  const auto append_line = [&](std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  std::string head(indent, ' ');
  for (std::size_t c = 0; c < columns_.size(); ++c) append_cell(head, c, columns_[c].title);
  append_line(head);
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t c = 0; c < columns_.size(); ++c) append_cell(line, c, row[c]);
    append_line(line);
  }
  return text;
}

}  // namespace tilepool
