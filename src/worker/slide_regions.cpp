#include "worker/slide_regions.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::int64_t kBandRows = 64;

bool is_read(const SlideSpec& spec, const AnnotationOptions& options) {
  return options.used() && !spec.annotations.empty();
}

std::size_t held_bytes(const std::vector<Region>& regions) {
  std::size_t bytes = regions.capacity() * sizeof(Region);
  for (const Region& region : regions) {
    bytes += region.id.capacity() + region.group.capacity() + region.name.capacity() +
             region.rings.capacity() * sizeof(std::vector<Vertex>);
    for (const auto& ring : region.rings) bytes += ring.capacity() * sizeof(Vertex);
  }
  return bytes;
}

/// A slide fails by a file of annotations that is not there, as by one that is malformed.
template <class Read>
auto of_this_slide(const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNoInput) throw;
    throw Error(ErrorCode::kSlide, std::string("annotations: ") + error.what());
  }
}

std::string why_nowhere(const SlideSpec& spec, const AnnotationOptions& options,
                        const Annotations& found) {
  if (options.include.empty()) return "";
  if (spec.annotations.empty())
    return fmt::format(
        "no annotation: /annotations/include asks for {}, and the slide has no file "
        "of annotations",
        fmt::join(options.include, ", "));
  if (!RegionMask(found.regions, options.include).empty()) return "";
  return fmt::format(
      "no annotation: {} has no region called {}; there are {}",
      std::filesystem::path(spec.annotations).filename().string(),
      fmt::join(options.include, " or "),
      found.regions.empty() ? "none" : fmt::format("{}", fmt::join(region_names(found), ", ")));
}

}  // namespace

std::string regions_print(const SlideSpec& spec, const AnnotationOptions& options) {
  if (!is_read(spec, options)) return "";
  return of_this_slide([&] { return annotations_print(spec.annotations); });
}

std::size_t slide_regions_bytes(const SlideSpec& spec, const AnnotationOptions& options) {
  if (!is_read(spec, options)) return 0;
  std::error_code error;
  const auto size = std::filesystem::file_size(spec.annotations, error);
  return error ? 0 : annotations_bytes(std::min<std::size_t>(size, kMaxAnnotationBytes));
}

std::size_t slide_regions_scratch_bytes(std::int64_t mask_width) {
  constexpr std::size_t kPage = 4096;
  return static_cast<std::size_t>(3 * kBandRows * mask_width) + kPage;
}

SlideRegions::SlideRegions(const SlideSpec& spec, const SlideInfo& info,
                           const AnnotationOptions& options, Budget& budget)
    : options_(options), print_(regions_print(spec, options)) {
  if (is_read(spec, options)) {
    const Pages reading(budget, slide_regions_bytes(spec, options), "reading annotations");
    found_ = of_this_slide([&] { return read_annotations(spec.annotations, info); });
    memory_ = Pages(budget, held_bytes(found_.regions), "a slide's annotations");
  }
  reason_ = why_nowhere(spec, options, found_);
}

std::string SlideRegions::note() const {
  if (print_.empty()) return "";
  std::string note =
      fmt::format("; {} annotated regions ({})", found_.regions.size(), found_.format);
  if (!found_.warnings.empty())
    note += fmt::format(", {} with a warning: {}", found_.warnings.size(), found_.warnings.front());
  return note;
}

void SlideRegions::restrict_tissue(ImageView<std::uint8_t> mask, double downsample,
                                   Budget& budget) const {
  if (options_.include.empty() && options_.exclude.empty()) return;
  const RegionMask include(found_.regions, options_.include);
  const RegionMask exclude(found_.regions, options_.exclude);
  const auto band_px = checked_cast<std::size_t>(kBandRows * mask.width);
  const Buffer<std::uint8_t> memory(budget, 3 * band_px, "a band of annotated regions");
  const MaskFrame frame{0, 0, downsample};
  for (std::int64_t y = 0; y < mask.height; y += kBandRows) {
    const std::int64_t rows = std::min(kBandRows, mask.height - y);
    const auto plane = [&](std::size_t index) {
      return ImageView<std::uint8_t>(memory.data() + index * band_px, mask.width, rows, mask.width);
    };
    const auto in = plane(0);
    const auto out = plane(1);
    std::fill_n(in.data, in.pixels(), options_.include.empty() ? 1 : 0);
    std::fill_n(out.data, out.pixels(), 0);
    include.paint(frame, {0, y}, in, plane(2));
    exclude.paint(frame, {0, y}, out, plane(2));
    const auto part = mask.window(0, y, mask.width, rows);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t x = 0; x < mask.width; ++x)
        if (in.at(x, i) == 0 || out.at(x, i) != 0) part.at(x, i) = 0;
  }
}

}  // namespace tilepool
