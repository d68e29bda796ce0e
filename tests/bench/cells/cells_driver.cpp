// Segments raw RGB images with tilepool's own task and writes what it finds, for scripts:
//   cells_driver OUT_DIR MPP [NAME=VALUE ...] -- IMAGE.rgb WIDTH HEIGHT [IMAGE.rgb WIDTH HEIGHT
//   ...]
// NAME is a number of SegmentOptions, or calibrate=each|pooled, tile=EDGE_PX (0: one window),
// halo=PX, fluorescence=0|1. For each image k: OUT_DIR/k.cells (float64 rows: x, y, class, points,
// features ...) and OUT_DIR/k.contours (float32 pairs). Prints one JSON line per image; seconds are
// CPU time.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/kernels/cpu_backend.h"
#include "common/memory/buffer.h"
#include "worker/segment_task.h"

namespace tilepool {
namespace {

struct Image {
  std::vector<std::uint8_t> rgb;
  std::int64_t width, height;
  [[nodiscard]] ConstRgbView view() const { return {rgb.data(), width, height, 3 * width}; }
};

struct Job {
  std::string out_dir;
  double mpp = 0.25;
  SegmentOptions options;
  std::map<std::string, double> extra = {{"tile", 0}, {"halo", 128}, {"fluorescence", 0}};
  bool pooled = false;
  std::vector<Image> images;
};

Image load(const std::string& path, std::int64_t width, std::int64_t height) {
  Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height)), width,
              height};
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(image.rgb.data()),
          static_cast<std::streamsize>(image.rgb.size()));
  check(in.good(), ErrorCode::kIo, "{}: fewer bytes than {} x {} x 3", path, width, height);
  return image;
}

void set_option(Job& job, const std::string& name, const std::string& value) {
  SegmentOptions& o = job.options;
  const std::map<std::string, double*> numbers = {{"smooth_um", &o.smooth_um},
                                                  {"local_radius_um", &o.local_radius_um},
                                                  {"local_weight", &o.local_weight},
                                                  {"opening_um", &o.opening_um},
                                                  {"max_hole_um2", &o.max_hole_um2},
                                                  {"split_depth_um", &o.split_depth_um},
                                                  {"split_contrast_um", &o.split_contrast_um},
                                                  {"split_fill", &o.split_fill},
                                                  {"trim_um", &o.trim_um},
                                                  {"split_smooth_um", &o.split_smooth_um},
                                                  {"grow_um", &o.grow_um},
                                                  {"stained_od", &o.stained_od},
                                                  {"dark_od", &o.dark_od},
                                                  {"min_area_um2", &o.classes[0].min_area_um2},
                                                  {"max_area_um2", &o.classes[0].max_area_um2}};
  if (const auto it = numbers.find(name); it != numbers.end()) {
    *it->second = std::stod(value);
  } else if (name == "stain") {
    o.stain = value == "he"     ? StainMethod::kHe
              : value == "hdab" ? StainMethod::kHdab
                                : StainMethod::kMacenko;
  } else if (name == "calibrate") {
    job.pooled = value == "pooled";
  } else {
    check(job.extra.contains(name), ErrorCode::kUsage, "no option '{}'", name);
    job.extra[name] = std::stod(value);
  }
}

Job parse(const std::vector<std::string>& args) {
  check(args.size() >= 2, ErrorCode::kUsage, "cells_driver OUT_DIR MPP [NAME=VALUE ...] -- ...");
  Job job;
  job.out_dir = args[0];
  job.mpp = std::stod(args[1]);
  std::size_t i = 2;
  for (; i < args.size() && args[i] != "--"; ++i) {
    const auto equals = args[i].find('=');
    check(equals != std::string::npos, ErrorCode::kUsage, "'{}' is not NAME=VALUE", args[i]);
    set_option(job, args[i].substr(0, equals), args[i].substr(equals + 1));
  }
  for (++i; i + 2 < args.size(); i += 3) {
    job.images.push_back(load(args[i], std::stoll(args[i + 1]), std::stoll(args[i + 2])));
  }
  return job;
}

SegmentCalibration calibrate(const Job& job, std::size_t first, std::size_t count,
                             std::string& note) {
  const Modality modality =
      job.extra.at("fluorescence") != 0 ? Modality::kFluorescence : Modality::kBrightfield;
  SegmentCalibrator calibrator(job.options, modality, job.mpp);
  for (std::size_t k = first; k < first + count; ++k) {
    const ConstRgbView view = job.images[k].view();
    Budget budget(std::size_t{1} << 40);
    Arena scratch(budget, calibrator.scratch_bytes(view.width, view.height), "calibration");
    calibrator.add(view, scratch);
  }
  return calibrator.finish(note);
}

/// The window of a core: its pixels with `halo` around, white beyond the image.
struct Window {
  std::vector<std::uint8_t> rgb;
  std::int64_t width, height;
  Rect core, inside;
};

Window cut(const Image& image, Rect core, std::int64_t halo) {
  Window w;
  w.width = core.w + 2 * halo;
  w.height = core.h + 2 * halo;
  w.core = {halo, halo, core.w, core.h};
  w.rgb.assign(static_cast<std::size_t>(3 * w.width * w.height), 255);
  const std::int64_t x0 = std::max<std::int64_t>(core.x - halo, 0);
  const std::int64_t y0 = std::max<std::int64_t>(core.y - halo, 0);
  const std::int64_t x1 = std::min(core.x + core.w + halo, image.width);
  const std::int64_t y1 = std::min(core.y + core.h + halo, image.height);
  w.inside = {x0 - core.x + halo, y0 - core.y + halo, x1 - x0, y1 - y0};
  for (std::int64_t y = y0; y < y1; ++y) {
    const std::uint8_t* from = image.view().pixel(x0, y);
    std::copy_n(from, 3 * (x1 - x0),
                w.rgb.begin() + 3 * ((y - core.y + halo) * w.width + w.inside.x));
  }
  return w;
}

void write_cells(const Job& job, std::size_t k, const CellBatch& cells) {
  const std::size_t columns = segment_schema(job.options).cell_features.size();
  std::ofstream out(fmt::format("{}/{}.cells", job.out_dir, k), std::ios::binary);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::vector<double> row = {cells.x[i], cells.y[i], static_cast<double>(cells.class_index[i]),
                               static_cast<double>(cells.contour_size[i])};
    row.insert(row.end(), cells.features.begin() + static_cast<std::ptrdiff_t>(i * columns),
               cells.features.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns));
    out.write(reinterpret_cast<const char*>(row.data()),
              static_cast<std::streamsize>(row.size() * sizeof(double)));
  }
  std::ofstream ring(fmt::format("{}/{}.contours", job.out_dir, k), std::ios::binary);
  for (std::size_t i = 0; i < cells.contour_x.size(); ++i) {
    ring.write(reinterpret_cast<const char*>(&cells.contour_x[i]), sizeof(float));
    ring.write(reinterpret_cast<const char*>(&cells.contour_y[i]), sizeof(float));
  }
  check(out.good() && ring.good(), ErrorCode::kIo, "cannot write to {}", job.out_dir);
}

void segment(const Job& job, std::size_t k) {
  std::string note;
  const SegmentCalibration calibration =
      job.pooled ? calibrate(job, 0, job.images.size(), note) : calibrate(job, k, 1, note);
  const SegmentTask task(job.options, calibration, job.mpp);
  const Image& image = job.images[k];
  const auto edge = static_cast<std::int64_t>(job.extra.at("tile"));
  const auto halo = edge == 0 ? 0 : static_cast<std::int64_t>(job.extra.at("halo"));
  const std::int64_t w = edge == 0 ? image.width : edge;
  const std::int64_t h = edge == 0 ? image.height : edge;
  Budget budget(std::size_t{1} << 40);
  Arena scratch(budget, CpuBackend::scratch_bytes(w + 2 * halo, h + 2 * halo), "segmentation");
  CpuBackend backend(scratch);
  CellBatch cells;
  double seconds = 0;
  for (std::int64_t y = 0; y < image.height; y += h) {
    for (std::int64_t x = 0; x < image.width; x += w) {
      const Rect core = {x, y, std::min(w, image.width - x), std::min(h, image.height - y)};
      Window window = cut(image, core, halo);
      const std::clock_t start = std::clock();
      backend.begin({window.rgb.data(), window.width, window.height, 3 * window.width});
      task.run(backend, window.core, window.inside, static_cast<double>(core.x - halo),
               static_cast<double>(core.y - halo), 1.0, cells);
      seconds += static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    }
  }
  write_cells(job, k, cells);
  fmt::print(
      "{{\"image\": {}, \"cells\": {}, \"seconds\": {:.4f}, \"scratch_bytes\": {}, "
      "\"peak_bytes\": {}, \"note\": \"{}\"",
      k, cells.size(), seconds, scratch.capacity_bytes(), scratch.peak_bytes(), note);
  for (const auto& [name, value] : calibration.to_values()) {
    fmt::print(", \"{}\": {:.17g}", name, value);
  }
  fmt::print("}}\n");
}

}  // namespace
}  // namespace tilepool

int main(int argc, char** argv) {
  try {
    const tilepool::Job job = tilepool::parse({argv + 1, argv + argc});
    for (std::size_t k = 0; k < job.images.size(); ++k) tilepool::segment(job, k);
  } catch (const std::exception& error) {
    fmt::print(stderr, "cells_driver: {}\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
