#include "worker/scan_image.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/base/error.h"
#include "common/kernels/tissue_grey.h"
#include "common/memory/buffer.h"

namespace tilepool {
namespace {

constexpr std::int64_t kBlockEdge = 2048;  // level pixels
constexpr std::int64_t kDamageEdge = 128;  // level pixels: smaller blocks are not cut up
constexpr std::size_t kMaxDamagedParts = 256;

class BlockReader {
 public:
  BlockReader(SlideSource& source, const ScanGeometry& geometry, std::int64_t first_row,
              RgbView out, Budget& budget)
      : source_(source),
        geometry_(geometry),
        level_(source.info().levels[static_cast<std::size_t>(geometry.level)]),
        first_row_(first_row),
        out_(out),
        edge_(scan_block_edge(geometry)) {
    if (geometry.factor > 1) {
      const auto edge_px = static_cast<std::size_t>(edge_ * geometry.factor);
      block_ = Buffer<std::uint8_t>(budget, 3 * edge_px * edge_px, "a block of the scan");
    }
  }

  ScanDamage read_all() {
    for (std::int64_t y = 0; y < out_.height; y += edge_) {
      for (std::int64_t x = 0; x < out_.width; x += edge_) {
        source_.expect(geometry_.level,
                       std::array{level_rect(block_at(x, y)), level_rect(block_at(x + edge_, y))});
        read_or_cut(block_at(x, y));
      }
    }
    return std::move(damage_);
  }

 private:
  [[nodiscard]] Rect block_at(std::int64_t x, std::int64_t y) const {
    return {x, y, std::min(edge_, out_.width - x), std::min(edge_, out_.height - y)};
  }

  /// The same in pixels of the level.
  [[nodiscard]] Rect level_rect(const Rect& part) const {
    const std::int64_t k = geometry_.factor;
    const std::int64_t x = part.x * k;
    const std::int64_t y = (first_row_ + part.y) * k;
    return {x, y, std::min(part.w * k, level_.width - x), std::min(part.h * k, level_.height - y)};
  }

  /// `part` in pixels of out_.
  void read_or_cut(const Rect& part) {
    if (damage_.parts.size() >= kMaxDamagedParts) return;
    try {
      read_part(part);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kSlide) throw;
      if (damage_.reason.empty()) damage_.reason = error.what();
      cut(part);
    }
  }

  void read_part(const Rect& part) {
    const RgbView out = out_.window(part.x, part.y, part.w, part.h);
    const Rect rect = level_rect(part);
    if (geometry_.factor == 1) return source_.read(geometry_.level, rect.x, rect.y, out);
    const RgbView block{block_.data(), rect.w, rect.h, 3 * rect.w};
    source_.read(geometry_.level, rect.x, rect.y, block);
    box_average(block, geometry_.factor, out);
  }

  void cut(const Rect& part) {
    const std::int64_t edge = std::max(part.w, part.h);
    if (edge * geometry_.factor <= kDamageEdge || edge == 1) {
      for (std::int64_t y = part.y; y < part.y + part.h; ++y) {
        std::memset(out_.pixel(part.x, y), 255, static_cast<std::size_t>(3 * part.w));
      }
      damage_.parts.push_back(part);
      return;
    }
    const std::int64_t left = (part.w + 1) / 2;
    const std::int64_t top = (part.h + 1) / 2;
    for (const Rect& quarter :
         {Rect{part.x, part.y, left, top}, Rect{part.x + left, part.y, part.w - left, top},
          Rect{part.x, part.y + top, left, part.h - top},
          Rect{part.x + left, part.y + top, part.w - left, part.h - top}}) {
      if (quarter.w > 0 && quarter.h > 0) read_or_cut(quarter);
    }
  }

  SlideSource& source_;
  const ScanGeometry geometry_;
  const LevelInfo level_;
  const std::int64_t first_row_;  ///< scan pixels
  const RgbView out_;
  const std::int64_t edge_;  ///< of a block, scan pixels
  Buffer<std::uint8_t> block_;
  ScanDamage damage_;
};

}  // namespace

std::int64_t scan_block_edge(const ScanGeometry& geometry) {
  return std::max<std::int64_t>(1, kBlockEdge / geometry.factor);
}

ScanDamage read_scan_rows(SlideSource& source, const ScanGeometry& geometry, std::int64_t y,
                          RgbView out, Budget& budget) {
  return BlockReader(source, geometry, y, out, budget).read_all();
}

void check_damage(const ScanDamage& damage, const ScanGeometry& geometry) {
  std::int64_t lost = 0;
  for (const Rect& part : damage.parts) lost += part.w * part.h;
  const bool much = 2 * lost >= geometry.width * geometry.height;
  check(!much && damage.parts.size() < kMaxDamagedParts, ErrorCode::kSlide, "{}", damage.reason);
}

ScanDamage read_scan_image(SlideSource& source, const ScanGeometry& geometry, RgbView out,
                           Budget& budget) {
  ScanDamage damage = read_scan_rows(source, geometry, 0, out, budget);
  check_damage(damage, geometry);
  return damage;
}

}  // namespace tilepool
