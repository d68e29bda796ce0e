#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "common/kernels/region_box.h"
#include "cuda/device_test.h"

namespace tilepool::testing {

/// Discs at random with the labels 1..n; later ones cover earlier ones, so that some are in pieces
/// and some may be gone.
inline Plane<std::int32_t> labelled_discs(std::mt19937& random, std::int64_t width,
                                          std::int64_t height, int n) {
  Plane<std::int32_t> plane(width, height, 0);
  std::uniform_real_distribution<double> pick(0, 1);
  for (int label = 1; label <= n; ++label) {
    const double r = 0.6 + 16 * pick(random) * pick(random);
    const double cx = pick(random) * static_cast<double>(width);
    const double cy = pick(random) * static_cast<double>(height);
    const double stretch = 0.3 + 1.5 * pick(random);
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const double dx = (static_cast<double>(x) - cx) * stretch;
        const double dy = static_cast<double>(y) - cy + 0.4 * dx;
        if (dx * dx + dy * dy <= r * r) plane.at(x, y) = label;
      }
  }
  return plane;
}

/// Labels to measure, with their boxes.
struct Regions {
  std::vector<std::int32_t> labels;
  std::vector<RegionBox> boxes;
};
/// All labels of a plane that have pixels, the last one first.
inline Regions regions_of(ImageView<const std::int32_t> plane) {
  std::int32_t n = 0;
  for (std::int64_t y = 0; y < plane.height; ++y)
    for (std::int64_t x = 0; x < plane.width; ++x) n = std::max(n, plane.at(x, y));
  std::vector<RegionBox> boxes(static_cast<std::size_t>(n));
  measure_boxes(plane, boxes);
  Regions regions;
  for (std::int32_t label = n; label > 0; --label) {
    const RegionBox& box = boxes[static_cast<std::size_t>(label) - 1];
    if (box.area == 0) continue;
    regions.labels.push_back(label);
    regions.boxes.push_back(box);
  }
  return regions;
}

/// Expects that two lists of structs without padding are the same.
template <class T>
void expect_equal(const std::vector<T>& got, const std::vector<T>& expected,
                  const std::string& what) {
  static_assert(std::has_unique_object_representations_v<T>);
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(std::memcmp(&got[i], &expected[i], sizeof(T)), 0) << what << ", entry " << i;
  }
}

}  // namespace tilepool::testing
