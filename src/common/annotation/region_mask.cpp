#include "common/annotation/region_mask.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/error.h"

namespace tilepool {
namespace {

void clear(ImageView<std::uint8_t> image) {
  for (std::int64_t y = 0; y < image.height; ++y) std::fill_n(image.row(y), image.width, 0);
}

/// Puts `value` where `mask` is not 0.
void stamp(ImageView<const std::uint8_t> mask, std::uint8_t value, ImageView<std::uint8_t> out) {
  for (std::int64_t y = 0; y < out.height; ++y) {
    const std::uint8_t* from = mask.row(y);
    std::uint8_t* to = out.row(y);
    for (std::int64_t x = 0; x < out.width; ++x) to[x] = from[x] != 0 ? value : to[x];
  }
}

}  // namespace

RegionMask::RegionMask(const std::vector<Region>& regions, std::span<const std::string> names) {
  const std::set<std::string> wanted(names.begin(), names.end());
  const auto chosen = [&](const Region& region) {
    return wanted.contains(region.group) || wanted.contains(region.name);
  };
  std::map<std::string, Group> groups;
  for (const Region& region : regions)
    if (region.has_area() && !region.negative && chosen(region))
      groups[region.group].regions.push_back({&region, bounds_of(region), region_area_px(region)});
  for (const Region& region : regions) {
    const auto group = groups.find(region.group);
    if (!region.has_area() || !region.negative || group == groups.end()) continue;
    group->second.regions.push_back({&region, bounds_of(region), region_area_px(region)});
    group->second.negative = true;
  }
  for (auto& [name, group] : groups) {
    std::sort(group.regions.begin(), group.regions.end(), [](const Placed& a, const Placed& b) {
      return a.area_px != b.area_px ? a.area_px > b.area_px : a.region < b.region;
    });
    groups_.push_back(std::move(group));
  }
}

void RegionMask::paint(const MaskFrame& frame, std::int64_t first_row, ImageView<std::uint8_t> band,
                       ImageView<std::uint8_t> scratch) const {
  const double top = frame.y0 + static_cast<double>(first_row) * frame.scale;
  const double bottom = top + static_cast<double>(band.height) * frame.scale;
  const double right = frame.x0 + static_cast<double>(band.width) * frame.scale;
  for (const Group& group : groups_) {
    const ImageView<std::uint8_t> target = group.negative ? scratch : band;
    if (group.negative) clear(scratch);
    bool any = false;
    for (const Placed& one : group.regions) {
      const Bounds& box = one.bounds;
      // Vertices are rounded by less than a pixel.
      if (box.y1 < top - frame.scale || box.y0 > bottom + frame.scale ||
          box.x1 < frame.x0 - frame.scale || box.x0 > right + frame.scale)
        continue;
      fill_region(*one.region, frame, first_row, one.region->negative ? 0 : 1, target);
      any = true;
    }
    if (group.negative && any) stamp(scratch, 1, band);
  }
}

ClassMask::ClassMask(const std::vector<Region>& regions,
                     const std::vector<AnnotationClass>& classes) {
  check(classes.size() <= 255, ErrorCode::kInternal, "{} annotation classes", classes.size());
  for (const AnnotationClass& one : classes) {
    values_.push_back(one.value);
    masks_.emplace_back(regions, std::span(&one.name, 1));
  }
}

void ClassMask::paint_indices(const MaskFrame& frame, std::int64_t first_row,
                              ImageView<std::uint8_t> band, ImageView<std::uint8_t> scratch) const {
  const auto plane = scratch.window(0, 0, band.width, band.height);
  const auto rest = scratch.window(0, band.height, band.width, band.height);
  clear(band);
  for (std::size_t i = 0; i < masks_.size(); ++i) {
    if (masks_[i].empty()) continue;
    clear(plane);
    masks_[i].paint(frame, first_row, plane, rest);
    stamp(plane, static_cast<std::uint8_t>(i + 1), band);
  }
}

void ClassMask::paint(const MaskFrame& frame, std::int64_t first_row, ImageView<std::uint8_t> band,
                      ImageView<std::uint8_t> scratch) const {
  paint_indices(frame, first_row, band, scratch);
  for (std::int64_t y = 0; y < band.height; ++y) {
    std::uint8_t* row = band.row(y);
    for (std::int64_t x = 0; x < band.width; ++x)
      if (row[x] != 0) row[x] = values_[row[x] - 1U];
  }
}

}  // namespace tilepool
