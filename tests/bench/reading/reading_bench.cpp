// Question: how near does reading a slide come to decoding its JPEG tiles from memory, and how far
// is that from OpenSlide?
//
//   reading_bench SLIDE [REPEATS]
//
// SLIDE has JPEG tiles. Level 0 is read in aligned tiles of 512 px and in tiles of 3000 px at odd
// offsets, by 1 and 2 threads; the limit, the direct source and the OpenSlide source in turn,
// medians of REPEATS. The limit is libjpeg-turbo's own decoder on the same JPEG tiles in memory,
// each once. A tile's rate counts its own pixels. The last result is in docs/performance.md.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <turbojpeg.h>

#include "common/base/error.h"
#include "common/slide/input_file.h"
#include "common/slide/openslide_source.h"
#include "common/slide/source.h"
#include "common/slide/tiff_index.h"

namespace {

using tilepool::RgbView;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

using Work = std::function<void(std::size_t)>;

/// Runs work(item) for all items in `threads` threads; make() gives each thread its work, before
/// the clock starts.
double seconds(std::size_t items, int threads, const std::function<Work()>& make) {
  std::vector<Work> works;
  works.reserve(static_cast<std::size_t>(threads));
  for (int t = 0; t < threads; ++t) works.push_back(make());
  std::atomic<std::size_t> next{0};
  const auto begin = Clock::now();
  std::vector<std::thread> pool;
  pool.reserve(works.size());
  for (Work& work : works)
    pool.emplace_back([&] {
      for (std::size_t i = next++; i < items; i = next++) work(i);
    });
  for (std::thread& thread : pool) thread.join();
  return seconds_since(begin);
}

std::shared_ptr<std::vector<std::uint8_t>> pixels(std::int64_t bytes) {
  return std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(bytes));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Place {
  std::int64_t x, y;
};

struct Tiles {
  std::vector<std::vector<std::uint8_t>> jpegs;  ///< complete streams
  int width = 0, height = 0;
};

/// The JPEG tiles that the places touch, each once, with the tables that they share.
Tiles load_tiles(const std::string& path, const tilepool::TiffLevel& level,
                 const std::vector<Place>& places, std::int64_t edge) {
  const tilepool::InputFile file(path);
  Tiles tiles;
  tiles.width = static_cast<int>(level.kind.width);
  tiles.height = static_cast<int>(level.kind.height);
  for (std::int64_t tile = 0; tile < level.columns * level.rows; ++tile) {
    const std::int64_t x = tile % level.columns * level.kind.width;
    const std::int64_t y = tile / level.columns * level.kind.height;
    const auto touches = [&](const Place& p) {
      return p.x < x + level.kind.width && x < p.x + edge && p.y < y + level.kind.height &&
             y < p.y + edge;
    };
    if (std::none_of(places.begin(), places.end(), touches)) continue;
    std::vector<std::uint8_t> jpeg(level.bytes[static_cast<std::size_t>(tile)]);
    file.read(level.offsets[static_cast<std::size_t>(tile)], jpeg);
    if (!level.kind.tables.empty())  // between the tile's first marker and the rest
      jpeg.insert(jpeg.begin() + 2, level.kind.tables.begin() + 2, level.kind.tables.end() - 2);
    tiles.jpegs.push_back(std::move(jpeg));
  }
  return tiles;
}

double decode_mpx_s(const Tiles& tiles, int threads) {
  const double spent = seconds(tiles.jpegs.size(), threads, [&] {
    const std::shared_ptr<void> decoder(tjInitDecompress(), tjDestroy);
    const auto rgb = pixels(3 * std::int64_t{tiles.width} * tiles.height);
    return [&tiles, decoder, rgb](std::size_t i) {
      const auto& jpeg = tiles.jpegs[i];
      tilepool::check(tjDecompress2(decoder.get(), jpeg.data(), jpeg.size(), rgb->data(), 0, 0, 0,
                                    TJPF_RGB, 0) == 0,
                      tilepool::ErrorCode::kSlide, "{}", tjGetErrorStr2(decoder.get()));
    };
  });
  return static_cast<double>(tiles.jpegs.size()) * tiles.width * tiles.height / spent / 1e6;
}

double read_mpx_s(tilepool::SlideSource& source, const std::vector<Place>& places,
                  std::int64_t edge, int threads) {
  const double spent = seconds(places.size(), threads, [&] {
    const auto rgb = pixels(3 * edge * edge);
    return [&places, &source, edge, rgb](std::size_t i) {
      source.read(0, places[i].x, places[i].y, RgbView{rgb->data(), edge, edge, 3 * edge});
    };
  });
  return static_cast<double>(places.size()) * static_cast<double>(edge * edge) / spent / 1e6;
}

void measure(const std::string& path, std::int64_t edge, const Place& first, int threads,
             int repeats) {
  const auto direct = tilepool::open_slide(path, std::nullopt, tilepool::Reader::kDirect);
  tilepool::OpenSlideSource openslide(path, std::nullopt);
  std::vector<Place> places;
  for (std::int64_t y = first.y; y + edge <= direct->info().height; y += edge)
    for (std::int64_t x = first.x; x + edge <= direct->info().width; x += edge)
      places.push_back({x, y});
  const auto levels = tilepool::index_tiff(path, openslide.info());
  const Tiles tiles = load_tiles(path, levels.front(), places, edge);
  std::vector<double> limit, ours, theirs;
  for (int r = 0; r < repeats; ++r) {
    limit.push_back(decode_mpx_s(tiles, threads));
    ours.push_back(read_mpx_s(*direct, places, edge, threads));
    theirs.push_back(read_mpx_s(openslide, places, edge, threads));
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
    auto begin = Clock::now();
    (void)tilepool::open_slide(path, std::nullopt, tilepool::Reader::kDirect);
    direct.push_back(1e3 * seconds_since(begin));
    begin = Clock::now();
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
    measure(argv[1], 512, {0, 0}, threads, repeats);
    measure(argv[1], 3000, {137, 53}, threads, repeats);
  }
  return 0;
} catch (const tilepool::Error& error) {
  fmt::print(stderr, "reading_bench: {}\n", error.what());
  return 1;
}
