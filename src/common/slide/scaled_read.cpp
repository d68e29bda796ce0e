#include "common/slide/scaled_read.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::int64_t kBlockEdge = 1024;     // level pixels: the block takes 3 MiB
constexpr std::int64_t kOne = 4096;           // a level pixel in units of position
constexpr std::int64_t kBlockColumns = 4096;  // output pixels: sums and row take 144 KiB

/// Where output pixels begin along one axis, in 1/4096 level pixels.
class Axis {
 public:
  Axis(double origin, double scale, double downsample)
      : origin_(origin), scale_(scale), downsample_(downsample) {
    const double index = std::round(origin / scale);
    on_grid_ = std::fabs(origin / scale - index) < 1e-6;
    index_ = index;
  }
  /// The same for any window of a grid: computed from the pixel's index in the whole grid.
  [[nodiscard]] std::int64_t edge(std::int64_t k) const {
    const auto step = static_cast<double>(k);
    const double level0 = on_grid_ ? (index_ + step) * scale_ : origin_ + step * scale_;
    return std::llround(level0 / downsample_ * static_cast<double>(kOne));
  }

 private:
  double origin_, scale_, downsample_;
  double index_ = 0;
  bool on_grid_ = false;
};

std::int64_t floor_px(std::int64_t position) {
  return position >= 0 ? position / kOne : -((-position + kOne - 1) / kOne);
}

/// The part of pixel `px` inside [begin, end), in 1/4096.
std::int64_t overlap(std::int64_t px, std::int64_t begin, std::int64_t end) {
  return std::min(end, (px + 1) * kOne) - std::max(begin, px * kOne);
}

struct Memory {
  std::vector<std::uint8_t> block = std::vector<std::uint8_t>(3 * kBlockEdge * kBlockEdge);
  std::vector<std::uint32_t> row = std::vector<std::uint32_t>(3 * kBlockColumns);
  std::vector<std::int64_t> columns = std::vector<std::int64_t>(kBlockColumns + 1);
  std::vector<std::uint64_t> sums = std::vector<std::uint64_t>(3 * kBlockColumns);
};
static_assert(3 * kBlockEdge * kBlockEdge + 48 * kBlockColumns < kScaledReadBytes);

/// One block of output pixels [c0, c0 + out.width) x [r0, ...): read, then averaged across and
/// down.
class BlockScaler {
 public:
  BlockScaler(const Axis& across, const Axis& down, std::int64_t c0, std::int64_t r0, RgbView out,
              Memory& memory)
      : down_(down), r0_(r0), out_(out), memory_(memory) {
    left_ = floor_px(across.edge(c0));
    top_ = floor_px(down.edge(r0));
    const std::int64_t width = floor_px(across.edge(c0 + out.width) + kOne - 1) - left_;
    const std::int64_t height = floor_px(down.edge(r0 + out.height) + kOne - 1) - top_;
    for (std::int64_t i = 0; i <= out.width; ++i) {
      memory.columns[static_cast<std::size_t>(i)] = across.edge(c0 + i);
    }
    block_ = {memory.block.data(), width, height, 3 * width};
  }

  void run(SlideSource& source, int level) {
    source.read(level, left_, top_, block_);
    std::int64_t in_row = -1;
    for (std::int64_t j = 0; j < out_.height; ++j) {
      const std::int64_t begin = down_.edge(r0_ + j);
      const std::int64_t end = down_.edge(r0_ + j + 1);
      std::fill_n(memory_.sums.begin(), 3 * out_.width, std::uint64_t{0});
      for (std::int64_t y = floor_px(begin); y * kOne < end; ++y) {
        if (y != in_row) average_across(y);
        in_row = y;
        const auto weight = static_cast<std::uint64_t>(overlap(y, begin, end));
        for (std::size_t i = 0; i < static_cast<std::size_t>(3 * out_.width); ++i) {
          memory_.sums[i] += weight * memory_.row[i];
        }
      }
      write_row(j, static_cast<std::uint64_t>(end - begin));
    }
  }

 private:
  [[nodiscard]] std::int64_t column(std::int64_t i) const {
    return memory_.columns[static_cast<std::size_t>(i)];
  }

  /// row = sums of level row y over each output column, at most 1024 * 4096 * 255 < 2^32.
  void average_across(std::int64_t y) {
    const std::uint8_t* in = block_.row(y - top_);
    std::uint32_t* row = memory_.row.data();
    for (std::int64_t i = 0; i < out_.width; ++i, row += 3) {
      const std::int64_t begin = column(i);
      const std::int64_t end = column(i + 1);
      std::uint32_t sum[3] = {};
      for (std::int64_t x = floor_px(begin); x * kOne < end; ++x) {
        const auto weight = static_cast<std::uint32_t>(overlap(x, begin, end));
        for (int c = 0; c < 3; ++c) sum[c] += weight * in[3 * (x - left_) + c];
      }
      std::copy_n(sum, 3, row);
    }
  }

  void write_row(std::int64_t j, std::uint64_t height) {
    for (std::int64_t i = 0; i < out_.width; ++i) {
      const auto width = static_cast<std::uint64_t>(column(i + 1) - column(i));
      const std::uint64_t area = width * height;
      for (int c = 0; c < 3; ++c) {
        const std::uint64_t sum = memory_.sums[static_cast<std::size_t>(3 * i + c)];
        out_.pixel(i, j)[c] = static_cast<std::uint8_t>((sum + area / 2) / area);
      }
    }
  }

  const Axis& down_;
  const std::int64_t r0_;
  const RgbView out_;
  Memory& memory_;
  std::int64_t left_ = 0, top_ = 0;  ///< of the block, level pixels
  RgbView block_;
};

}  // namespace

int level_for_scale(const SlideInfo& info, double scale) {
  int best = 0;
  for (std::size_t level = 0; level < info.levels.size(); ++level) {
    // A pyramid's downsample is the mean of two rounded ratios, so 2.0005 stands for 2.
    if (info.levels[level].downsample <= scale * 1.01) best = static_cast<int>(level);
  }
  return best;
}

LevelRegion scaled_region(const SlideInfo& info, double x, double y, double scale,
                          std::int64_t width, std::int64_t height) {
  const int level = level_for_scale(info, scale);
  const double downsample = info.levels[static_cast<std::size_t>(level)].downsample;
  const Axis across(x, scale, downsample);
  const Axis down(y, scale, downsample);
  const std::int64_t left = floor_px(across.edge(0));
  const std::int64_t top = floor_px(down.edge(0));
  return {level,
          {left, top, floor_px(across.edge(width) + kOne - 1) - left,
           floor_px(down.edge(height) + kOne - 1) - top}};
}

void read_scaled(SlideSource& source, double x, double y, double scale, RgbView out) {
  check(scale >= 0.01 && scale <= 500, ErrorCode::kSlide,
        "{} level-0 pixels per analysis pixel is not in 0.01..500; check the slide's mpp and "
        "tiles.mpp",
        scale);
  const int level = level_for_scale(source.info(), scale);
  const double downsample = source.info().levels[static_cast<std::size_t>(level)].downsample;
  if (scale == 1 && downsample == 1 && x == std::round(x) && y == std::round(y)) {
    return source.read(0, std::llround(x), std::llround(y), out);
  }
  thread_local Memory memory;
  const Axis across(x, scale, downsample);
  const Axis down(y, scale, downsample);
  const auto fitting =
      static_cast<std::int64_t>(static_cast<double>(kBlockEdge - 2) * downsample / scale);
  const std::int64_t columns = std::clamp<std::int64_t>(fitting, 1, kBlockColumns);
  for (std::int64_t r = 0; r < out.height; r += columns) {
    for (std::int64_t c = 0; c < out.width; c += columns) {
      const RgbView part =
          out.window(c, r, std::min(columns, out.width - c), std::min(columns, out.height - r));
      BlockScaler(across, down, c, r, part, memory).run(source, level);
    }
  }
}

}  // namespace tilepool
