#pragma once

#include <string>
#include <vector>

namespace tilepool {

/// A table for a terminal: columns as wide as their widest cell, two spaces between them.
class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as columns.
  void add(std::vector<std::string> cells);
  /// Title row and rows, a line each, no spaces at line ends. `indent` spaces stand before each.
  [[nodiscard]] std::string text(std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Characters of a UTF-8 text, counted by code points.
[[nodiscard]] std::size_t text_width(const std::string& utf8);

/// At most `width` characters, "..." in the middle of a longer text.
[[nodiscard]] std::string shortened(const std::string& utf8, std::size_t width);

}  // namespace tilepool
