#include "worker/tile_classes.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::int64_t kBandRows = 64;

std::string class_column(const std::string& class_name) {
  std::string name = "annotation_" + class_name;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return !letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.';
      },
      '_');
  return name;
}

}  // namespace

void append_class_columns(const AnnotationOptions& options, TaskSchema& schema) {
  if (schema.tile_features.empty()) return;
  std::set<std::string> taken;
  for (const AnnotationClass& one : options.classes) {
    std::string column = class_column(one.name);
    while (!taken.insert(column).second) column += '_';
    schema.tile_features.push_back(
        {column, "1", fmt::format("Share of the core that lies in regions called {}.", one.name)});
  }
}

TileClasses::TileClasses(SlideSpec spec, std::string print, const AnnotationOptions& options)
    : spec_(std::move(spec)), print_(std::move(print)), options_(options) {}

void TileClasses::load(const SlideInfo& info, Budget& budget) {
  const std::lock_guard lock(mutex_);
  if (mask_) return;
  regions_.emplace(spec_, info, options_, budget);
  check(regions_->print() == print_, ErrorCode::kSlide,
        "its annotations changed after it was scanned: {}", spec_.annotations);
  mask_.emplace(regions_->regions(), options_.classes);
}

void TileClasses::append_shares(const TileWindow& window, Budget& budget,
                                std::vector<float>& out) const {
  const Rect& core = window.core;
  // What lies beyond the slide's edge is no part of the tile.
  const std::int64_t width = std::min(core.w, window.inside.x + window.inside.w - core.x);
  const std::int64_t height = std::min(core.h, window.inside.y + window.inside.h - core.y);
  std::array<std::int64_t, 256> counts{};
  if (width > 0 && height > 0) {
    const auto band_px = checked_cast<std::size_t>(kBandRows * width);
    const Buffer<std::uint8_t> memory(budget, 3 * band_px, "a band of annotated classes");
    const MaskFrame frame{window.origin_x, window.origin_y, window.scale};
    for (std::int64_t y = 0; y < height; y += kBandRows) {
      const std::int64_t rows = std::min(kBandRows, height - y);
      const ImageView<std::uint8_t> band(memory.data(), width, rows, width);
      mask_->paint_indices(frame, {core.x, core.y + y}, band,
                           {memory.data() + band_px, width, 2 * rows, width});
      for (std::int64_t i = 0; i < band.pixels(); ++i) ++counts[band.data[i]];
    }
  }
  const auto pixels = static_cast<double>(std::max<std::int64_t>(1, width * height));
  for (std::size_t i = 0; i < mask_->classes(); ++i)
    out.push_back(static_cast<float>(static_cast<double>(counts[i + 1]) / pixels));
}

}  // namespace tilepool
