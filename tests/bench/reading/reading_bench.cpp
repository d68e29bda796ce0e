// Question: what share of the pixel rate of a bare loop over openslide_read_region does a slide
// source deliver, in as many threads?
//
//   reading_bench SLIDE [TILE_PX [REPEATS]]
//
// Reads every whole tile of level 0, the two in turn; prints the median rates in Mpx/s and their
// ratio for 1 and 2 threads. The last result is in docs/performance.md.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <openslide.h>

#include "common/base/error.h"
#include "common/slide/source.h"

namespace {

using tilepool::RgbView;

struct Place {
  std::int64_t x, y;
};

double rate_mpx_s(const std::vector<Place>& places, std::int64_t tile, int threads,
                  const std::function<void(const Place&, std::vector<std::uint8_t>&)>& read) {
  std::atomic<std::size_t> next{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&] {
      std::vector<std::uint8_t> buffer(static_cast<std::size_t>(4 * tile * tile));
      for (std::size_t i = next++; i < places.size(); i = next++) read(places[i], buffer);
    });
  for (std::thread& thread : pool) thread.join();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return static_cast<double>(places.size()) * static_cast<double>(tile * tile) / seconds / 1e6;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: reading_bench SLIDE [TILE_PX [REPEATS]]\n");
    return 64;
  }
  const std::int64_t tile = argc > 2 ? std::atoll(argv[2]) : 3000;
  const int repeats = argc > 3 ? std::atoi(argv[3]) : 5;
  for (const int threads : {1, 2}) {
    std::vector<double> ours;
    std::vector<double> bare;
    for (int r = 0; r < repeats; ++r) {
      const auto source = tilepool::open_slide(argv[1], std::nullopt);
      std::vector<Place> places;
      for (std::int64_t y = 0; y + tile <= source->info().height; y += tile)
        for (std::int64_t x = 0; x + tile <= source->info().width; x += tile)
          places.push_back({x, y});
      ours.push_back(rate_mpx_s(places, tile, threads, [&](const Place& p, auto& buffer) {
        source->read(0, p.x, p.y, RgbView{buffer.data(), tile, tile, 3 * tile});
      }));
      openslide_t* slide = openslide_open(argv[1]);
      bare.push_back(rate_mpx_s(places, tile, threads, [&](const Place& p, auto& buffer) {
        openslide_read_region(slide, reinterpret_cast<std::uint32_t*>(buffer.data()), p.x, p.y, 0,
                              tile, tile);
      }));
      openslide_close(slide);
    }
    fmt::print(
        "{} px tiles, {} thread(s): slide source {:.1f} Mpx/s, bare openslide_read_region "
        "{:.1f} Mpx/s, ratio {:.2f}\n",
        tile, threads, median(ours), median(bare), median(ours) / median(bare));
  }
  return 0;
}
