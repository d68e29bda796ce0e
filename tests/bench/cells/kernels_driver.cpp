// Runs one kernel on a raw array, for comparison with an independent implementation:
//   kernels_driver KERNEL WIDTH HEIGHT [NUMBER ...] < input > output
// Arrays are row-major, native byte order. The kernels and their arrays are in kTable below.

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/kernels/components.h"
#include "common/kernels/distance.h"
#include "common/kernels/gaussian.h"
#include "common/kernels/grow.h"
#include "common/kernels/histogram.h"
#include "common/kernels/holes.h"
#include "common/kernels/local_threshold.h"
#include "common/kernels/morphology.h"
#include "common/kernels/normalise_stain.h"
#include "common/kernels/open_labels.h"
#include "common/kernels/region_box.h"
#include "common/kernels/region_colour.h"
#include "common/kernels/region_shape.h"
#include "common/kernels/stain.h"
#include "common/kernels/watershed.h"
#include "worker/stain_fit.h"

namespace tilepool {
namespace {

struct Call {
  std::int64_t width, height;
  std::vector<double> numbers;
  Arena& scratch;

  template <class T>
  [[nodiscard]] ImageView<T> read() const {
    auto plane = scratch.take_image<T>(width, height);
    read_bytes(plane.data, static_cast<std::size_t>(plane.pixels()) * sizeof(T));
    return plane;
  }
  [[nodiscard]] RgbView read_rgb() const {
    auto rgb = scratch.take_rgb(width, height);
    read_bytes(rgb.data, static_cast<std::size_t>(rgb.pixels()) * 3);
    return rgb;
  }
  template <class T>
  [[nodiscard]] ImageView<T> plane() const {
    return scratch.take_image<T>(width, height);
  }
  template <class T>
  static void write(ImageView<T> plane) {
    std::cout.write(
        reinterpret_cast<const char*>(plane.data),
        static_cast<std::streamsize>(static_cast<std::size_t>(plane.pixels()) * sizeof(T)));
  }

 private:
  static void read_bytes(void* to, std::size_t bytes) {
    std::cin.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
    check(std::cin.gcount() == static_cast<std::streamsize>(bytes), ErrorCode::kIo,
          "standard input holds fewer than {} bytes", bytes);
  }
};

void morphology(const Call& call, void (*op)(ImageView<const std::uint8_t>, const Disk&, Arena&,
                                             ImageView<std::uint8_t>)) {
  auto mask = call.read<std::uint8_t>();
  op(mask, make_disk(call.numbers.at(0)), call.scratch, mask);
  Call::write(mask);
}

void components(const Call& call) {
  auto mask = call.read<std::uint8_t>();
  auto labels = call.plane<std::int32_t>();
  label_components(mask, call.numbers.at(0) == 8 ? Connectivity::kEight : Connectivity::kFour,
                   call.scratch, labels);
  Call::write(labels);
}

void distance(const Call& call) {
  auto mask = call.read<std::uint8_t>();
  auto out = call.plane<std::int32_t>();
  squared_distance(mask, call.scratch, out);
  Call::write(out);
}

void sixteenths(const Call& call) {
  auto mask = call.read<std::uint8_t>();
  auto out = call.plane<std::uint16_t>();
  distance_sixteenths(mask, call.scratch, out);
  Call::write(out);
}

void gaussian(const Call& call) {
  auto plane = call.read<std::uint16_t>();
  smooth(plane, gaussian_kernel(call.numbers.at(0)), call.scratch, plane);
  Call::write(plane);
}

void otsu(const Call& call) {
  std::vector<std::uint64_t> bins(256);
  add_histogram(call.read<std::uint16_t>(), 0, bins);
  fmt::print("{}", otsu_threshold(bins));
}

void holes(const Call& call) {
  auto mask = call.read<std::uint8_t>();
  fill_holes(mask, static_cast<std::int64_t>(call.numbers.at(0)), call.scratch);
  Call::write(mask);
}

/// Input: plane u16, then counted u8. Numbers: global, weight_256, radius.
void threshold(const Call& call) {
  auto plane = call.read<std::uint16_t>();
  auto counted = call.read<std::uint8_t>();
  auto out = call.plane<std::uint8_t>();
  const LocalThreshold t{static_cast<std::int32_t>(call.numbers.at(0)),
                         static_cast<std::int32_t>(call.numbers.at(1)),
                         static_cast<std::int64_t>(call.numbers.at(2))};
  above_local_threshold(plane, counted, t, call.scratch, out);
  Call::write(out);
}

/// Input: mask u8, then height u16. Numbers: depth, fill_depth, fill.
void watershed(const Call& call) {
  auto mask = call.read<std::uint8_t>();
  auto height = call.read<std::uint16_t>();
  auto labels = call.plane<std::int32_t>();
  const MergeRule rule{static_cast<std::int32_t>(call.numbers.at(0)),
                       static_cast<std::int32_t>(call.numbers.at(1)), call.numbers.at(2)};
  split_by_dynamics(mask, height, rule, call.scratch, labels);
  Call::write(labels);
}

void each_label(const Call& call, void (*op)(ImageView<std::int32_t>, const Disk&, Arena&)) {
  auto labels = call.read<std::int32_t>();
  op(labels, make_disk(call.numbers.at(0)), call.scratch);
  Call::write(labels);
}

/// Input: labels i32. Numbers: how many. Output: one line a label.
void shapes(const Call& call) {
  auto labels = call.read<std::int32_t>();
  auto boxes = call.scratch.take<RegionBox>(static_cast<std::size_t>(call.numbers.at(0)));
  measure_boxes(labels, boxes);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const RegionBox& b = boxes[i];
    const RegionShape s = measure_shape(labels, static_cast<std::int32_t>(i + 1), b, call.scratch);
    const ShapeFeatures f = shape_features(s);
    fmt::print("{} {:.17g} {:.17g} {:.17g} {} {:.17g} {:.17g} {:.17g} {:.17g} {:.17g}\n", b.area,
               static_cast<double>(b.sum_x) / b.area, static_cast<double>(b.sum_y) / b.area,
               f.perimeter, s.hull_area, f.eccentricity, f.major_axis, f.minor_axis, f.extent,
               f.equivalent_diameter);
  }
}

/// Input: rgb. Numbers: wanted r g b, other r g b, reference. Output: plane u16.
void stain(const Call& call) {
  const auto rgb = call.read_rgb();
  const auto& n = call.numbers;
  const StainVector wanted = normalised({n.at(0), n.at(1), n.at(2)});
  const StainVector other = normalised({n.at(3), n.at(4), n.at(5)});
  auto out = call.plane<std::uint16_t>();
  unmix(rgb, make_unmix_table(unmixing_weights(wanted, other), n.at(6)), out);
  Call::write(out);
}

/// Input: rgb. Output: rgb with the colours of the published target, fitted to all of it. Fails
/// with the reason where there is nothing to go by.
void normalise(const Call& call, StainNormalisation method) {
  const RgbView rgb = call.read_rgb();
  Budget budget(std::size_t{1} << 30);
  StainFitter fitter(method, budget);
  fitter.add(rgb);
  std::string why_not;
  const auto profile = fitter.finish(why_not);
  check(profile.has_value(), ErrorCode::kSlide, "{}", why_not);
  normalise_stain(rgb, *make_stain_map(*profile, default_stain_target(method)));
  std::cout.write(reinterpret_cast<const char*>(rgb.data),
                  static_cast<std::streamsize>(3 * rgb.pixels()));
}

/// Input: rgb. Output: mean and std of each plain channel, one line.
void colour(const Call& call) {
  const auto sums = measure_colour(call.read_rgb());
  for (std::size_t c = 0; c < kPlainChannels; ++c) {
    const MeanAndStd m = mean_and_std(sums.count, sums.sum[c], sums.square[c]);
    fmt::print("{:.17g} {:.17g} ", m.mean * kChannelUnit[c], m.std * kChannelUnit[c]);
  }
}

const std::map<std::string, std::function<void(const Call&)>>& table() {
  static const std::map<std::string, std::function<void(const Call&)>> kTable = {
      {"erode", [](const Call& c) { morphology(c, erode); }},    // u8 -> u8, radius
      {"dilate", [](const Call& c) { morphology(c, dilate); }},  // u8 -> u8, radius
      {"open", [](const Call& c) { morphology(c, open); }},      // u8 -> u8, radius
      {"components", components},                                // u8 -> i32, 4 or 8
      {"distance", distance},                                    // u8 -> i32
      {"sixteenths", sixteenths},                                // u8 -> u16
      {"gaussian", gaussian},                                    // u16 -> u16, sigma
      {"otsu", otsu},                                            // u16 below 256 -> text
      {"holes", holes},                                          // u8 -> u8, area
      {"threshold", threshold},
      {"watershed", watershed},
      {"open_labels", [](const Call& c) { each_label(c, open_labels); }},  // i32 -> i32, radius
      {"grow_labels", [](const Call& c) { each_label(c, grow_labels); }},  // i32 -> i32, radius
      {"shapes", shapes},
      {"stain", stain},
      {"macenko", [](const Call& c) { normalise(c, StainNormalisation::kMacenko); }},
      {"reinhard", [](const Call& c) { normalise(c, StainNormalisation::kReinhard); }},
      {"colour", colour}};
  return kTable;
}

void run(const std::vector<std::string>& args) {
  check(args.size() >= 3 && table().contains(args[0]), ErrorCode::kUsage,
        "kernels_driver KERNEL WIDTH HEIGHT [NUMBER ...]");
  Budget budget(std::size_t{1} << 40);
  const std::int64_t width = std::stoll(args[1]);
  const std::int64_t height = std::stoll(args[2]);
  const auto pixels = static_cast<std::size_t>(width * height);
  Arena scratch(budget, 64 * pixels + (std::size_t{1} << 20), "kernels_driver");
  Call call{width, height, {}, scratch};
  for (std::size_t i = 3; i < args.size(); ++i) call.numbers.push_back(std::stod(args[i]));
  table().at(args[0])(call);
}

}  // namespace
}  // namespace tilepool

int main(int argc, char** argv) {
  try {
    tilepool::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "kernels_driver: {}\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
