#include <array>
#include <vector>

#include "common/slide/openslide_source.h"
#include "common/slide/source.h"
#include "fuzz.h"

using namespace tilepool;

namespace {

/// The region's pixels, empty on an error.
std::vector<std::uint8_t> read(SlideSource& source, int level, const Rect& region) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * region.w * region.h));
  const bool taken = fuzz::accepted([&] {
    source.read(level, region.x, region.y, {rgb.data(), region.w, region.h, 3 * region.w});
  });
  if (!taken) rgb.clear();
  return rgb;
}

}  // namespace

// A TIFF file. What the direct source reads of it are OpenSlide's pixels, and an error where that
// gives one. Tiles without data in Aperio's lower levels are read by OpenSlide in either case.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  const auto file = folder.write("slide.tif", fuzz::text_of(data, size));
  std::unique_ptr<SlideSource> direct;
  if (!fuzz::accepted([&] { direct = open_slide(file, 0.25, Reader::kDirect); })) return 0;
  OpenSlideSource oracle(file, 0.25);
  for (int level = 0; level < static_cast<int>(direct->info().levels.size()) && level < 3;
       ++level) {
    const LevelInfo& size_of = direct->info().levels[static_cast<std::size_t>(level)];
    const std::array<Rect, 3> regions = {
        {{-3, -3, 40, 40}, {5, 17, 90, 20}, {size_of.width - 20, size_of.height - 20, 30, 30}}};
    direct->expect(level, regions);
    for (const Rect& region : regions)
      fuzz::require(read(*direct, level, region) == read(oracle, level, region),
                    "the pixels are OpenSlide's");
  }
  return 0;
}
