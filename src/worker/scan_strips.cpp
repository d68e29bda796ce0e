#include "worker/scan_strips.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/memory/buffer.h"
#include "common/model/protocol.h"
#include "common/run/strip_file.h"

namespace tilepool {
namespace {

std::int64_t block_rows(const ScanGeometry& geometry) {
  return ceil_div(geometry.height, scan_block_edge(geometry));
}

std::filesystem::path strip_file(const RunLayout& layout, const std::string& slide_id,
                                 std::int64_t index) {
  return layout.scan_strip(slide_id, checked_cast<std::uint64_t>(index));
}

}  // namespace

std::int64_t count_strips(const SlideInfo& info, const Options& options) {
  const ScanGeometry geometry = choose_scan(info, options.tissue.scan_mpp);
  const LevelInfo& level = info.levels[static_cast<std::size_t>(geometry.level)];
  const std::int64_t most_px = options.tissue.scan_strip_mpx * 1'000'000;
  if (checked_mul(level.width, level.height) <= most_px) return 1;
  const std::int64_t row_px = level.width * scan_block_edge(geometry) * geometry.factor;
  const std::int64_t rows = std::max<std::int64_t>(1, most_px / row_px);
  return std::min(ceil_div(block_rows(geometry), rows), checked_cast<std::int64_t>(kMaxStrips));
}

ScanRows strip_rows(const ScanGeometry& geometry, std::int64_t count, std::int64_t index) {
  const std::int64_t edge = scan_block_edge(geometry);
  const std::int64_t blocks = block_rows(geometry);
  const auto begin = [&](std::int64_t strip) {
    return std::min(geometry.height, strip * blocks / count * edge);
  };
  return {begin(index), begin(index + 1)};
}

std::size_t strip_bytes(const SlideInfo& info, const Options& options) {
  const ScanGeometry geometry = choose_scan(info, options.tissue.scan_mpp);
  const std::int64_t most_blocks = ceil_div(block_rows(geometry), count_strips(info, options));
  const std::int64_t edge = scan_block_edge(geometry);
  const std::int64_t block_edge = edge * geometry.factor;
  return checked_cast<std::size_t>(3 * geometry.width * most_blocks * edge +
                                   3 * block_edge * block_edge);
}

void commit_strip(const RunLayout& layout, const std::string& slide_id, SlideSource& source,
                  std::int64_t index, const Options& options, Budget& budget) {
  const SlideInfo& info = source.info();
  const StripId id{info.fingerprint, index, count_strips(info, options)};
  check(index < id.count, ErrorCode::kSlide, "the slide changed while it was scanned");
  const ScanGeometry geometry = choose_scan(info, options.tissue.scan_mpp);
  const ScanRows rows = strip_rows(geometry, id.count, index);
  const Buffer<std::uint8_t> pixels(
      budget, checked_cast<std::size_t>(checked_mul(3 * geometry.width, rows.count())),
      "a strip of a slide's scan");
  const RgbView out{pixels.data(), geometry.width, rows.count(), 3 * geometry.width};
  const std::filesystem::path file = strip_file(layout, slide_id, index);
  if (read_strip(file, id, out)) return;
  ScanDamage damage = read_scan_rows(source, geometry, rows.first, out, budget);
  write_strip(file, id, {std::move(damage.parts), std::move(damage.reason)}, out);
}

bool strips_exist(const RunLayout& layout, const std::string& slide_id, std::int64_t count) {
  std::error_code error;
  for (std::int64_t index = 0; index < count; ++index)
    if (!std::filesystem::exists(strip_file(layout, slide_id, index), error)) return false;
  return true;
}

std::optional<ScanDamage> join_strips(const RunLayout& layout, const std::string& slide_id,
                                      const std::string& fingerprint, std::int64_t count,
                                      const ScanGeometry& geometry, RgbView out) {
  ScanDamage damage;
  for (std::int64_t index = 0; index < count; ++index) {
    const ScanRows rows = strip_rows(geometry, count, index);
    const auto strip = read_strip(strip_file(layout, slide_id, index), {fingerprint, index, count},
                                  out.window(0, rows.first, out.width, rows.count()));
    if (!strip) return std::nullopt;
    if (damage.reason.empty()) damage.reason = strip->reason;
    for (Rect part : strip->parts) {
      part.y += rows.first;
      damage.parts.push_back(part);
    }
  }
  return damage;
}

void discard_strips(const RunLayout& layout, const std::string& slide_id, std::int64_t count) {
  std::error_code ignored;  // a strip that stays costs room only; the master sweeps them up
  for (std::int64_t index = 0; index < count; ++index)
    std::filesystem::remove(strip_file(layout, slide_id, index), ignored);
}

}  // namespace tilepool
