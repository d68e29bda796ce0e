#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tilepool {

/// How many cells of each class lie in each square of a coarse grid over a slide: what a picture
/// shows of any number of cells.
class CellGrid {
 public:
  /// `width`, `height`: the slide, level-0 px, > 0. The grid's long edge is kEdge squares.
  CellGrid(std::int64_t width, std::int64_t height, std::size_t n_classes);
  /// At (x, y) level-0 px; what lies outside the slide counts at its border.
  void add(double x, double y, std::size_t class_index);

  /// A lossless WebP with one pixel a square, transparent where no cell lies. A square has the
  /// colour (class_colour) of that of its classes which comes last in `order`, in four steps of
  /// opacity by the logarithm of its count against the largest of the class. Squares are joined by
  /// fours until the file takes at most `most_bytes` or the long edge is kLeastEdge.
  [[nodiscard]] std::string picture(const std::vector<std::size_t>& order,
                                    std::size_t most_bytes) const;

  static constexpr std::int64_t kEdge = 128, kLeastEdge = 16;

 private:
  [[nodiscard]] CellGrid halved() const;
  [[nodiscard]] std::vector<std::uint8_t> rgba(const std::vector<std::size_t>& order) const;
  [[nodiscard]] std::size_t at(std::int64_t column, std::int64_t row, std::size_t c) const {
    return (c * static_cast<std::size_t>(rows_) + static_cast<std::size_t>(row)) *
               static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }

  std::int64_t columns_, rows_;  ///< multiples of kEdge / kLeastEdge, or halves of them
  double scale_x_, scale_y_;     ///< squares per level-0 px
  std::size_t n_classes_;
  std::vector<std::uint32_t> counts_;  ///< [class][row][column]
};

}  // namespace tilepool
