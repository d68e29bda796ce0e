// Question: how near does reading a slide come to decoding its JPEG tiles from memory, and how far
// is that from OpenSlide?
//
//   reading_bench SLIDE [REPEATS]
//
// SLIDE has JPEG tiles. Level 0 is read in aligned tiles of 512 px and in tiles of 3000 px at odd
// offsets, by 1 and 2 threads; the limit, the direct source and the OpenSlide source in turn, each
// over and over for a second, medians of REPEATS. The limit is libjpeg-turbo's own decoder on the
// same JPEG tiles in memory. A tile's rate counts its own pixels. The last result is in
// docs/performance.md; `tilepool bench` asks the same of a job's own tiles.
#include <cstdlib>
#include <limits>
#include <vector>

#include <fmt/core.h>

#include "bench/jpeg_tiles.h"
#include "bench/slide_bench.h"
#include "common/base/error.h"
#include "common/slide/openslide_source.h"
#include "common/slide/source.h"
#include "common/slide/tiff_index.h"

namespace {

using tilepool::BenchClock;
using tilepool::median;
using tilepool::Rect;
using tilepool::seconds_since;

constexpr double kSeconds = 1;  // of each measurement

void measure(const std::string& path, std::int64_t edge, const Rect& first, int threads,
             int repeats) {
  const auto direct = tilepool::open_slide(path, std::nullopt, tilepool::Reader::kDirect);
  tilepool::OpenSlideSource openslide(path, std::nullopt);
  const auto& info = direct->info();
  const tilepool::TileGrid grid{info.width, info.height, edge, edge, 0};
  std::vector<Rect> places;
  for (std::int64_t y = first.y; y + edge <= info.height; y += edge)
    for (std::int64_t x = first.x; x + edge <= info.width; x += edge)
      places.push_back({x, y, edge, edge});
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  tilepool::Budget budget(kAll);
  const auto levels = tilepool::index_tiff(path, openslide.info());
  const tilepool::JpegTiles tiles(path, levels.front(), places, kAll, budget);
  const auto read = [&](tilepool::SlideSource& source) {
    return 1e-6 * tilepool::read_rate(source, grid, places, threads, kSeconds, {}, budget);
  };
  std::vector<double> limit, ours, theirs;
  for (int r = 0; r < repeats; ++r) {
    limit.push_back(1e-6 * tiles.decode_rate(threads, kSeconds, {}, budget));
    ours.push_back(read(*direct));
    theirs.push_back(read(openslide));
  }
  fmt::print(
      "{} px at {}, {}, {} thread(s): limit {:.0f}, direct {:.0f}, OpenSlide {:.0f} Mpx/s; "
      "direct/limit {:.2f}, direct/OpenSlide {:.1f}\n",
      edge, first.x, first.y, threads, median(limit), median(ours), median(theirs),
      median(ours) / median(limit), median(ours) / median(theirs));
}

/// Milliseconds to open the slide, both ways.
void measure_opening(const std::string& path, int repeats) {
  std::vector<double> direct, openslide;
  for (int r = 0; r < repeats; ++r) {
    auto begin = BenchClock::now();
    (void)tilepool::open_slide(path, std::nullopt, tilepool::Reader::kDirect);
    direct.push_back(1e3 * seconds_since(begin));
    begin = BenchClock::now();
    (void)tilepool::open_slide(path, std::nullopt, tilepool::Reader::kOpenSlide);
    openslide.push_back(1e3 * seconds_since(begin));
  }
  fmt::print("opening: direct {:.1f} ms, OpenSlide {:.1f} ms\n", median(direct), median(openslide));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    fmt::print(stderr, "usage: reading_bench SLIDE [REPEATS]\n");
    return 64;
  }
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 5;
  measure_opening(argv[1], repeats);
  for (const int threads : {1, 2}) {
    measure(argv[1], 512, {0, 0, 0, 0}, threads, repeats);
    measure(argv[1], 3000, {137, 53, 0, 0}, threads, repeats);
  }
  return 0;
} catch (const tilepool::Error& error) {
  fmt::print(stderr, "reading_bench: {}\n", error.what());
  return 1;
}
