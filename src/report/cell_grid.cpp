#include "report/cell_grid.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/model/class_colours.h"
#include "report/image_data.h"

namespace tilepool {
namespace {

/// Opacity of a square, from few cells to many.
constexpr std::array<std::uint8_t, 4> kOpacity = {120, 165, 210, 255};

/// A multiple of what the grid can be halved by, so that every half covers the slide exactly.
std::int64_t squares(std::int64_t length, std::int64_t longest) {
  const double share = static_cast<double>(length) / static_cast<double>(longest);
  return CellGrid::kEdge / CellGrid::kLeastEdge *
         std::max<std::int64_t>(1, std::llround(share * CellGrid::kLeastEdge));
}

std::uint8_t opacity(std::uint32_t count, std::uint32_t most) {
  const double share = std::log2(count + 1.0) / std::log2(most + 1.0);  // in (0, 1]
  return kOpacity[std::min<std::size_t>(3, static_cast<std::size_t>(share * 4))];
}

}  // namespace

CellGrid::CellGrid(std::int64_t width, std::int64_t height, std::size_t n_classes)
    : columns_(squares(width, std::max(width, height))),
      rows_(squares(height, std::max(width, height))),
      scale_x_(static_cast<double>(columns_) / static_cast<double>(width)),
      scale_y_(static_cast<double>(rows_) / static_cast<double>(height)),
      n_classes_(n_classes),
      counts_(static_cast<std::size_t>(columns_ * rows_) * n_classes, 0) {}

void CellGrid::add(double x, double y, std::size_t class_index) {
  const auto column =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(x * scale_x_), 0, columns_ - 1);
  const auto row = std::clamp<std::int64_t>(static_cast<std::int64_t>(y * scale_y_), 0, rows_ - 1);
  ++counts_.at(at(column, row, class_index));
}

CellGrid CellGrid::halved() const {
  CellGrid half = *this;
  half.columns_ /= 2;
  half.rows_ /= 2;
  half.scale_x_ /= 2;
  half.scale_y_ /= 2;
  half.counts_.assign(counts_.size() / 4, 0);
  for (std::size_t c = 0; c < n_classes_; ++c)
    for (std::int64_t row = 0; row < rows_; ++row)
      for (std::int64_t column = 0; column < columns_; ++column)
        half.counts_[half.at(column / 2, row / 2, c)] += counts_[at(column, row, c)];
  return half;
}

std::vector<std::uint8_t> CellGrid::rgba(const std::vector<std::size_t>& order) const {
  const auto area = static_cast<std::size_t>(columns_ * rows_);
  std::vector<std::uint8_t> pixels(4 * area, 0);
  for (const std::size_t c : order) {
    const std::uint32_t* const counts = counts_.data() + c * area;
    const std::uint32_t most = *std::max_element(counts, counts + area);
    const Rgb colour = class_colour(c);
    for (std::size_t i = 0; i < area; ++i) {
      if (counts[i] == 0) continue;
      std::copy(colour.begin(), colour.end(), pixels.data() + 4 * i);
      pixels[4 * i + 3] = opacity(counts[i], most);
    }
  }
  return pixels;
}

std::string CellGrid::picture(const std::vector<std::size_t>& order, std::size_t most_bytes) const {
  std::string bytes = encode_lossless_webp(rgba(order), columns_, rows_);
  const bool smallest = std::max(columns_, rows_) <= kLeastEdge;
  return bytes.size() <= most_bytes || smallest ? bytes : halved().picture(order, most_bytes);
}

}  // namespace tilepool
