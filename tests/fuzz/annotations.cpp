#include "common/annotation/annotations.h"

#include <array>

#include "common/annotation/region_mask.h"
#include "fuzz.h"

using namespace tilepool;

// A file of annotations, read and painted.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SlideInfo slide;
  slide.width = slide.height = 64;
  slide.mpp_x = slide.mpp_y = 0.5;
  slide.centre_offset_x_nm = slide.centre_offset_y_nm = 0;
  fuzz::accepted([&] {
    const Annotations found = parse_annotations(fuzz::text_of(data, size), "file", slide);
    std::vector<AnnotationClass> classes = {{"", 1}};
    for (const std::string& name : region_names(found))
      if (classes.size() < 4) classes.push_back({name, 2});
    for (const Region& region : found.regions) {
      fuzz::require(!region.rings.empty() && !region.rings[0].empty(), "a region has vertices");
      fuzz::require(region_area_px(region) >= 0, "an area is a number");
    }
    std::array<std::uint8_t, 32 * 24> labels{};
    std::array<std::uint8_t, 2 * 32 * 24> scratch{};
    const ClassMask mask(found.regions, classes);
    mask.paint({-3, 5, 2}, {1, 2}, {labels.data(), 32, 24, 32}, {scratch.data(), 32, 48, 32});
    for (const std::uint8_t label : labels) fuzz::require(label <= 2, "a label is a class's value");
  });
  return 0;
}
