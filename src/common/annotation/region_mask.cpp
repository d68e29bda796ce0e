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
    return wanted.contains(region.group) || (!region.name.empty() && wanted.contains(region.name));
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

namespace {

/// The part of a frame that `size` pixels from `place` on cover, level-0 px. Vertices are rounded
/// by less than a pixel, so it is one wider on every side.
Bounds covered(const MaskFrame& frame, const MaskPlace& place, std::int64_t width,
               std::int64_t height) {
  const auto at = [&](double origin, std::int64_t pixel) {
    return origin + static_cast<double>(pixel) * frame.scale;
  };
  return {at(frame.x0, place.column - 1), at(frame.y0, place.row - 1),
          at(frame.x0, place.column + width + 1), at(frame.y0, place.row + height + 1)};
}

bool meet(const Bounds& a, const Bounds& b) {
  return a.x0 <= b.x1 && b.x0 <= a.x1 && a.y0 <= b.y1 && b.y0 <= a.y1;
}

}  // namespace

bool RegionMask::paint(const MaskFrame& frame, const MaskPlace& place, ImageView<std::uint8_t> part,
                       ImageView<std::uint8_t> scratch) const {
  const Bounds here = covered(frame, place, part.width, part.height);
  bool painted = false;
  for (const Group& group : groups_) {
    const auto touches = [&](const Placed& one) { return meet(one.bounds, here); };
    if (std::none_of(group.regions.begin(), group.regions.end(), touches)) continue;
    const ImageView<std::uint8_t> target = group.negative ? scratch : part;
    if (group.negative) clear(scratch);
    for (const Placed& one : group.regions)
      if (touches(one))
        fill_region(*one.region, frame, place, one.region->negative ? 0 : 1, target);
    if (group.negative) stamp(scratch, 1, part);
    painted = true;
  }
  return painted;
}

ClassMask::ClassMask(const std::vector<Region>& regions,
                     const std::vector<AnnotationClass>& classes) {
  check(classes.size() <= 255, ErrorCode::kInternal, "{} annotation classes", classes.size());
  for (const AnnotationClass& one : classes) {
    values_.push_back(one.value);
    masks_.emplace_back(regions, std::span(&one.name, 1));
  }
}

void ClassMask::paint_indices(const MaskFrame& frame, const MaskPlace& place,
                              ImageView<std::uint8_t> part, ImageView<std::uint8_t> scratch) const {
  const auto plane = scratch.window(0, 0, part.width, part.height);
  const auto rest = scratch.window(0, part.height, part.width, part.height);
  clear(part);
  bool clean = false;
  for (std::size_t i = 0; i < masks_.size(); ++i) {
    if (!clean) clear(plane);
    clean = !masks_[i].paint(frame, place, plane, rest);
    if (!clean) stamp(plane, static_cast<std::uint8_t>(i + 1), part);
  }
}

void ClassMask::paint(const MaskFrame& frame, const MaskPlace& place, ImageView<std::uint8_t> part,
                      ImageView<std::uint8_t> scratch) const {
  paint_indices(frame, place, part, scratch);
  for (std::int64_t y = 0; y < part.height; ++y) {
    std::uint8_t* row = part.row(y);
    for (std::int64_t x = 0; x < part.width; ++x)
      if (row[x] != 0) row[x] = values_[row[x] - 1U];
  }
}

}  // namespace tilepool
