// A slide as tilepool sees it, for oracles in other languages.
//   scan_driver info PATH                one JSON object on stdout
//   scan_driver read PATH < regions      per line "level x y width height": raw RGB on stdout
//   scan_driver scan PATH METHOD TILE_PX PREFIX [exact]  one JSON object; PREFIX.rgb, .mask,
//   .variance, .fraction
//   scan_driver bench PATH LEVEL EDGE REPEAT   Mpx/s of reading a level by squares, ours
//   and bare
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <openslide/openslide.h>

#include "common/base/error.h"
#include "common/run/tissue_decision.h"
#include "common/slide/source.h"
#include "worker/scan_slide.h"

namespace {

using tilepool::RgbView;
using tilepool::SlideSource;

nlohmann::json number(double value) {
  return std::isnan(value) ? nlohmann::json() : nlohmann::json(value);
}

int info(SlideSource& slide) {
  const tilepool::SlideInfo& about = slide.info();
  nlohmann::json levels = nlohmann::json::array();
  for (const auto& level : about.levels) {
    levels.push_back({level.width, level.height, level.downsample});
  }
  std::cout << nlohmann::json{{"vendor", about.vendor},          {"levels", levels},
                              {"mpp_x", number(about.mpp_x)},    {"mpp_y", number(about.mpp_y)},
                              {"mpp_source", about.mpp_source},  {"mpp_problem", about.mpp_problem},
                              {"fingerprint", about.fingerprint}}
            << "\n";
  return 0;
}

int read(SlideSource& slide) {
  int level = 0;
  std::int64_t x = 0, y = 0, width = 0, height = 0;
  while (std::cin >> level >> x >> y >> width >> height) {
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * width * height));
    slide.read(level, x, y, {rgb.data(), width, height, 3 * width});
    std::cout.write(reinterpret_cast<const char*>(rgb.data()),
                    static_cast<std::streamsize>(rgb.size()));
  }
  return 0;
}

tilepool::TissueMethod method_of(const std::string& name) {
  using tilepool::TissueMethod;
  if (name == "otsu") return TissueMethod::kOtsu;
  if (name == "hsv") return TissueMethod::kHsv;
  if (name == "otsu+hsv") return TissueMethod::kOtsuAndHsv;
  if (name == "otsu|hsv") return TissueMethod::kOtsuOrHsv;
  return TissueMethod::kVariance;
}

template <class Values>
void dump(const std::string& path, const Values& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(values[0])));
}

int scan(const std::vector<std::string>& args) {
  tilepool::Budget budget(std::size_t{1} << 30);
  tilepool::Options options;
  options.tissue.method = method_of(args.at(2));
  options.tiles.size_px = std::stoll(args.at(3));
  options.tissue.exact = args.size() > 5;
  const auto start = std::chrono::steady_clock::now();
  const auto slide = tilepool::open_slide(args[1], std::nullopt);
  const auto opened = std::chrono::steady_clock::now();
  const auto result = tilepool::scan_slide({.id = "s", .path = args[1]}, *slide, options, budget);
  const auto done = std::chrono::steady_clock::now();
  const auto& map = result.tissue;
  dump(args.at(4) + ".rgb", map.rgb.span());
  dump(args[4] + ".mask", map.mask.span());
  dump(args[4] + ".variance", map.variance.span());
  dump(args[4] + ".fraction", result.tissue_fraction);
  using Ms = std::chrono::duration<double, std::milli>;
  std::cout
      << nlohmann::json{{"width", map.width},
                        {"height", map.height},
                        {"downsample", map.downsample},
                        {"fluorescence", result.modality == tilepool::Modality::kFluorescence},
                        {"columns", result.grid.columns()},
                        {"rows", result.grid.rows()},
                        {"notes", result.notes},
                        {"open_ms", Ms(opened - start).count()},
                        {"scan_ms", Ms(done - opened).count()},
                        {"peak_bytes", budget.peak_bytes()},
                        {"bound_bytes", tilepool::scan_slide_bytes({}, slide->info(), options)}}
      << "\n";
  return 0;
}

template <class ReadSquare>
double mpx_per_s(const tilepool::LevelInfo& level, std::int64_t edge, ReadSquare read_square) {
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t y = 0; y < level.height; y += edge) {
    for (std::int64_t x = 0; x < level.width; x += edge) read_square(x, y);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(level.width * level.height) / 1e6 / took.count();
}

int bench(const std::string& path, int level, std::int64_t edge, int repeat) {
  for (int i = 0; i < repeat; ++i) {
    const auto slide = tilepool::open_slide(path, std::nullopt);
    const auto dims = slide->info().levels.at(static_cast<std::size_t>(level));
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * edge * edge));
    const double ours = mpx_per_s(dims, edge, [&](std::int64_t x, std::int64_t y) {
      slide->read(level, x, y, {rgb.data(), edge, edge, 3 * edge});
    });
    const std::unique_ptr<openslide_t, decltype(&openslide_close)> raw(openslide_open(path.c_str()),
                                                                       &openslide_close);
    std::vector<std::uint32_t> argb(static_cast<std::size_t>(edge * edge));
    const double bare = mpx_per_s(dims, edge, [&](std::int64_t x, std::int64_t y) {
      openslide_read_region(
          raw.get(), argb.data(), std::llround(static_cast<double>(x) * dims.downsample),
          std::llround(static_cast<double>(y) * dims.downsample), level, edge, edge);
    });
    std::cout << "ours " << ours << " Mpx/s, bare " << bare << " Mpx/s, ratio " << ours / bare
              << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 2) {
    std::cerr << "scan_driver info|read|scan|bench PATH ...\n";
    return 64;
  }
  try {
    if (args[0] == "scan") return scan(args);
    if (args[0] == "bench") {
      return bench(args[1], std::stoi(args.at(2)), std::stoll(args.at(3)), std::stoi(args.at(4)));
    }
    const auto slide = tilepool::open_slide(args[1], std::nullopt);
    return args[0] == "info" ? info(*slide) : read(*slide);
  } catch (const tilepool::Error& error) {
    std::cerr << error.what() << "\n";
    return tilepool::exit_code_of(error.code());
  }
}
