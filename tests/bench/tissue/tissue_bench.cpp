// Question: what does exact pooling (tissue.exact) cost against judging every tile at level 0, and
// does it decide any tile otherwise?
//
//   tissue_bench TILE_PX SLIDE...
//
// Per slide: the scan alone, the scan with tissue.exact, and the scan followed by judging every
// tile at level 0, one thread each. The last result is in docs/performance.md.
#include <chrono>
#include <cstdlib>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/slide/source.h"
#include "worker/exact_tissue.h"
#include "worker/scan_slide.h"

namespace {

using namespace tilepool;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

SlideScan scan(SlideSource& slide, std::int64_t tile_px, bool exact, Budget& budget) {
  Options options;
  options.tiles.size_px = tile_px;
  options.tissue.exact = exact;
  return scan_slide({.id = "s"}, slide, options, budget);
}

/// Tiles of `exact` that counting all their level-0 pixels decides otherwise.
std::int64_t count_differing(SlideSource& slide, const SlideScan& exact, Budget& budget) {
  const TissueMap& map = exact.tissue;
  Arena scratch(budget, raw_tissue_scratch_bytes(map.width, map.height), "the rule");
  const TissueRule rule = measure_tissue({map.rgb.data(), map.width, map.height, 3 * map.width},
                                         TissueMethod::kOtsu, exact.modality, scratch);
  const ImageView<const std::uint8_t> region{map.mask.data(), map.width, map.height, map.width};
  const ScanMasks masks{region, region, map.downsample};
  TileJudge judge(slide, rule, masks, budget);
  const double enough = TissueOptions{}.min_fraction;
  std::int64_t differing = 0;
  for (std::int64_t tile = 0; tile < exact.grid.tiles(); ++tile) {
    const Rect core = exact.grid.core(tile % exact.grid.columns(), tile / exact.grid.columns());
    const double truth =
        static_cast<double>(judge.judge(core).tissue_px()) / static_cast<double>(core.w * core.h);
    const bool pooled =
        static_cast<double>(exact.tissue_fraction[static_cast<std::size_t>(tile)]) >= enough;
    differing += pooled != (truth >= enough) ? 1 : 0;
  }
  return differing;
}

void measure(const std::string& path, std::int64_t tile_px) {
  Budget budget(std::size_t{1} << 30);
  const auto slide = open_slide(path, std::nullopt);
  (void)scan(*slide, tile_px, false, budget);  // the file is in the system's cache now
  auto begin = Clock::now();
  (void)scan(*slide, tile_px, false, budget);
  const double coarse_s = seconds_since(begin);
  begin = Clock::now();
  const SlideScan exact = scan(*slide, tile_px, true, budget);
  const double exact_s = seconds_since(begin);
  begin = Clock::now();
  const std::int64_t differing = count_differing(*slide, exact, budget);
  const double all_s = coarse_s + seconds_since(begin);
  fmt::print(
      "{}, {} tiles of {} px: scan {:.3f} s, exact {:.3f} s, all at level 0 {:.3f} s = {:.1f} x "
      "exact; {} tiles decided otherwise\n  {}\n",
      path, exact.grid.tiles(), tile_px, coarse_s, exact_s, all_s, all_s / exact_s, differing,
      exact.notes);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    fmt::print(stderr, "usage: tissue_bench TILE_PX SLIDE...\n");
    return 64;
  }
  for (int i = 2; i < argc; ++i) measure(argv[i], std::atoll(argv[1]));
  return 0;
} catch (const tilepool::Error& error) {
  fmt::print(stderr, "tissue_bench: {}\n", error.what());
  return 1;
}
