#include "common/run/tissue_bits.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/checked.h"
#include "common/run/seal.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kBandRows = 256;
constexpr std::uint64_t kWordBits = 64;

}  // namespace

TissueBits::TissueBits(std::int64_t width, std::int64_t height, double downsample)
    : width_(width),
      height_(height),
      downsample_(downsample),
      bits_((checked_cast<std::uint64_t>(checked_mul(width, height)) + kWordBits - 1) / kWordBits) {
}

TissueBits::TissueBits(const std::filesystem::path& scan_file) {
  const h5::File file = open_sealed(scan_file);
  const h5::Dataset mask = file.open_dataset("tissue/mask");
  *this = TissueBits(checked_cast<std::int64_t>(mask.dims().at(1)),
                     checked_cast<std::int64_t>(mask.dims().at(0)),
                     h5::Group::open(file, "tissue").get<double>("downsample"));
  std::vector<std::uint8_t> band;
  for (std::uint64_t first = 0; first < mask.rows(); first += kBandRows) {
    const std::uint64_t rows = std::min(kBandRows, mask.rows() - first);
    band.resize(rows * mask.row_size());
    mask.read(first, std::span<std::uint8_t>(band));
    for (std::size_t i = 0; i < band.size(); ++i)
      if (band[i] != 0)
        set(static_cast<std::int64_t>(i) % width_,
            static_cast<std::int64_t>(first) + static_cast<std::int64_t>(i) / width_);
  }
}

void TissueBits::set(std::int64_t x, std::int64_t y) {
  const auto bit = static_cast<std::uint64_t>(y * width_ + x);
  bits_[bit / kWordBits] |= std::uint64_t{1} << (bit % kWordBits);
}

bool TissueBits::at(std::int64_t x, std::int64_t y) const {
  const auto bit = static_cast<std::uint64_t>(y * width_ + x);
  return (bits_[bit / kWordBits] >> (bit % kWordBits) & 1U) != 0;
}

double TissueBits::share(double x, double y, double width, double height) const {
  const auto last = [](double end, std::int64_t extent) {
    return std::min(extent, static_cast<std::int64_t>(std::ceil(end)));
  };
  const double left = x / downsample_;
  const double top = y / downsample_;
  const double right = (x + width) / downsample_;
  const double bottom = (y + height) / downsample_;
  double covered = 0;
  for (auto j = std::max<std::int64_t>(0, static_cast<std::int64_t>(top));
       j < last(bottom, height_); ++j) {
    const auto row = static_cast<double>(j);
    const double part = std::min(bottom, row + 1) - std::max(top, row);
    for (auto i = std::max<std::int64_t>(0, static_cast<std::int64_t>(left));
         i < last(right, width_); ++i) {
      const auto column = static_cast<double>(i);
      if (at(i, j)) covered += part * (std::min(right, column + 1) - std::max(left, column));
    }
  }
  return covered / ((right - left) * (bottom - top));
}

}  // namespace tilepool
