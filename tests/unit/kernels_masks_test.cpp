// Kernels on masks against values worked out by hand, each with exactly the scratch it asks for.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "common/kernels/components.h"
#include "common/kernels/distance.h"
#include "common/kernels/gaussian.h"
#include "common/kernels/grow.h"
#include "common/kernels/histogram.h"
#include "common/kernels/holes.h"
#include "common/kernels/local_threshold.h"
#include "common/kernels/morphology.h"
#include "common/kernels/open_labels.h"

namespace tilepool {
namespace {

constexpr std::int64_t kSizes[] = {0, 1, 31, 32, 33, 255, 256, 257};

/// An image that owns its pixels.
template <class T>
struct Image {
  std::int64_t width = 0, height = 0;
  std::vector<T> pixels;

  Image(std::int64_t w, std::int64_t h, T value = T{})
      : width(w), height(h), pixels(static_cast<std::size_t>(w * h), value) {}
  ImageView<T> view() { return {pixels.data(), width, height, width}; }
};

/// Rows of digits; '.' is 0.
template <class T>
Image<T> parse(const std::vector<std::string>& rows) {
  Image<T> image(static_cast<std::int64_t>(rows[0].size()), static_cast<std::int64_t>(rows.size()));
  std::size_t i = 0;
  for (const auto& row : rows) {
    for (const char c : row) image.pixels[i++] = static_cast<T>(c == '.' ? 0 : c - '0');
  }
  return image;
}

template <class T>
std::vector<std::string> show(const Image<T>& image) {
  std::vector<std::string> rows;
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::string row;
    for (std::int64_t x = 0; x < image.width; ++x) {
      const T v = image.pixels[static_cast<std::size_t>(y * image.width + x)];
      row += v == 0 ? '.' : static_cast<char>('0' + v);
    }
    rows.push_back(row);
  }
  return rows;
}

using Rows = std::vector<std::string>;

/// An arena of exactly so many bytes.
struct Scratch {
  explicit Scratch(std::size_t bytes) : budget(bytes + 4096), arena(budget, bytes, "test") {}
  Budget budget;
  Arena arena;
};

/// 1 where (x + y) is even: the most runs that a mask can have.
Image<std::uint8_t> checkerboard(std::int64_t width, std::int64_t height) {
  Image<std::uint8_t> image(width, height);
  for (std::int64_t i = 0; i < width * height; ++i) {
    image.pixels[static_cast<std::size_t>(i)] = (i % width + i / width) % 2 == 0 ? 1 : 0;
  }
  return image;
}

TEST(KernelsDisk, HalfWidths) {
  EXPECT_EQ(make_disk(0).half_width, (std::vector<std::uint8_t>{0}));
  EXPECT_EQ(make_disk(1.5).half_width, (std::vector<std::uint8_t>{1, 1}));
  EXPECT_EQ(make_disk(3).half_width, (std::vector<std::uint8_t>{3, 2, 2, 0}));
  EXPECT_THROW((void)make_disk(255), Error);
}

TEST(KernelsMorphology, OpeningRemovesAThreadAndKeepsADisk) {
  auto mask = parse<std::uint8_t>({".....1...",  //
                                   ".111.1...",  //
                                   ".111111..",  //
                                   ".111.1...",  //
                                   ".....1..."});
  const Disk disk = make_disk(1);
  Scratch s(morphology_scratch_bytes(mask.width, mask.height, disk));
  open(mask.view(), disk, s.arena, mask.view());
  EXPECT_EQ(show(mask), (Rows{".........",  //
                              "..11.1...",  //
                              ".111111..",  //
                              "..11.1...",  //
                              "........."}));
}

TEST(KernelsMorphology, OutsideCountsAsForegroundWhenErodingOnly) {
  Image<std::uint8_t> full(4, 3, 1);
  const Disk disk = make_disk(2);
  Scratch s(morphology_scratch_bytes(4, 3, disk));
  erode(full.view(), disk, s.arena, full.view());
  EXPECT_EQ(std::count(full.pixels.begin(), full.pixels.end(), 1), 12);
  Image<std::uint8_t> empty(4, 3, 0);
  dilate(empty.view(), disk, s.arena, empty.view());
  EXPECT_EQ(std::count(empty.pixels.begin(), empty.pixels.end(), 0), 12);
}

TEST(KernelsHoles, OnlySmallOnesInsideAreFilled) {
  auto mask = parse<std::uint8_t>({"1111111111",  //
                                   "1.11..1111",  //
                                   "1111..111.",  //
                                   "11.1111111",  //
                                   "111.111111",  //
                                   "1111111111"});
  Scratch s(fill_holes_scratch_bytes(mask.width, mask.height));
  fill_holes(mask.view(), 3, s.arena);
  EXPECT_EQ(show(mask), (Rows{"1111111111",  //
                              "1111..1111",  //
                              "1111..111.",  //
                              "1111111111",  // two zeros that touch at a corner are two holes
                              "1111111111",  //
                              "1111111111"}));
}

TEST(KernelsComponents, NumberedByFirstPixel) {
  const Rows rows = {"..1.1",  //
                     "1..1.",  //
                     "11...",  //
                     "....1"};
  auto mask = parse<std::uint8_t>(rows);
  Image<std::int32_t> labels(5, 4);
  Scratch s(label_components_scratch_bytes(5, 4));
  EXPECT_EQ(label_components(mask.view(), Connectivity::kEight, s.arena, labels.view()), 3);
  EXPECT_EQ(show(labels), (Rows{"..1.1", "2..1.", "22...", "....3"}));
  EXPECT_EQ(label_components(mask.view(), Connectivity::kFour, s.arena, labels.view()), 5);
  EXPECT_EQ(show(labels), (Rows{"..1.2", "3..4.", "33...", "....5"}));
}

TEST(KernelsComponents, RelabellingKeepsLabelsApart) {
  auto labels = parse<std::int32_t>({"7799",  //
                                     "..9.",  //
                                     "77.7"});
  Scratch s(relabel_components_scratch_bytes(4, 3));
  EXPECT_EQ(relabel_components(labels.view(), Connectivity::kEight, s.arena), 4);
  EXPECT_EQ(show(labels), (Rows{"1122", "..2.", "33.4"}));
}

TEST(KernelsComponents, LabelsThatTouchAtACornerAreOnePieceOnEitherDiagonal) {
  Scratch s(relabel_components_scratch_bytes(2, 2));
  auto falling = parse<std::int32_t>({"12", "31"});
  EXPECT_EQ(relabel_components(falling.view(), Connectivity::kEight, s.arena), 3);
  EXPECT_EQ(show(falling), (Rows{"12", "31"}));
  auto rising = parse<std::int32_t>({"12", "23"});
  EXPECT_EQ(relabel_components(rising.view(), Connectivity::kEight, s.arena), 3);
  EXPECT_EQ(show(rising), (Rows{"12", "23"}));
}

TEST(KernelsDistance, SquaredAndSixteenths) {
  auto mask = parse<std::uint8_t>({"11111",  //
                                   "11.11",  //
                                   "11111"});
  Image<std::int32_t> squared(5, 3);
  Scratch s(squared_distance_scratch_bytes(5));
  squared_distance(mask.view(), s.arena, squared.view());
  EXPECT_EQ(squared.pixels,
            (std::vector<std::int32_t>{5, 2, 1, 2, 5, 4, 1, 0, 1, 4, 5, 2, 1, 2, 5}));
  Image<std::uint16_t> sixteenths(5, 3);
  distance_sixteenths(mask.view(), s.arena, sixteenths.view());
  EXPECT_EQ(sixteenths.pixels[0], 35);  // 16 * sqrt(5) = 35.8
  EXPECT_EQ(sixteenths.pixels[1], 22);  // 16 * sqrt(2) = 22.6
  EXPECT_EQ(sixteenths.pixels[5], 32);
}

TEST(KernelsDistance, FarFromEverything) {
  Image<std::uint8_t> mask(600, 2, 1);
  mask.pixels[0] = 0;
  Image<std::int32_t> squared(600, 2);
  Image<std::uint16_t> sixteenths(600, 2);
  Scratch s(squared_distance_scratch_bytes(600));
  squared_distance(mask.view(), s.arena, squared.view());
  distance_sixteenths(mask.view(), s.arena, sixteenths.view());
  EXPECT_EQ(squared.pixels[599], 599 * 599);
  EXPECT_EQ(sixteenths.pixels[255], 4080);
  EXPECT_EQ(sixteenths.pixels[599], 4095);
}

TEST(KernelsGaussian, WeightsSumTo4096AndAStepIsSmoothed) {
  for (const double sigma : {0.3, 0.8, 2.0, 7.5}) {
    const SmoothingKernel k = gaussian_kernel(sigma);
    int sum = k.weight[0];
    for (std::size_t i = 1; i < k.weight.size(); ++i) sum += 2 * k.weight[i];
    EXPECT_EQ(sum, 4096) << sigma;
  }
  const SmoothingKernel third{{2048, 1024}};
  Image<std::uint16_t> row(5, 1);
  row.pixels = {0, 0, 400, 400, 0};
  Scratch s(smooth_scratch_bytes(5, 1, 1));
  smooth(row.view(), third, s.arena, row.view());
  EXPECT_EQ(row.pixels, (std::vector<std::uint16_t>{0, 100, 300, 300, 100}));
}

TEST(KernelsHistogram, OtsuOfTwoPeaks) {
  std::vector<std::uint64_t> bins(8);
  EXPECT_EQ(otsu_threshold(bins), 0);
  bins = {0, 0, 5, 0, 0, 0, 0, 0};
  EXPECT_EQ(otsu_threshold(bins), 2);
  bins = {0, 4, 4, 0, 0, 0, 3, 3};  // equally good from 2 to 5: the first
  EXPECT_EQ(otsu_threshold(bins), 2);
}

TEST(KernelsThreshold, MixesGlobalAndLocalMeanOfCountedPixels) {
  Image<std::uint16_t> plane(5, 1);
  plane.pixels = {100, 300, 201, 4000, 100};
  Image<std::uint8_t> counted(5, 1, 1);
  counted.pixels[3] = 0;
  Image<std::uint8_t> out(5, 1, 7);
  Scratch s(above_local_threshold_scratch_bytes(5));
  // w = 1/2, global 200. Means: 200, 200.3, 250.5, -, 100 -> T: 200, 200.2, 225.3, -, 150.
  above_local_threshold(plane.view(), counted.view(), {200, 128, 1}, s.arena, out.view());
  EXPECT_EQ(show(out), (Rows{".1..."}));
}

TEST(KernelsLabels, OpenedAndGrownOneByOne) {
  auto labels = parse<std::int32_t>({"111222",  //
                                     "111222",  //
                                     "111222",  //
                                     "1....2"});
  const Disk disk = make_disk(1);
  Scratch s(open_labels_scratch_bytes(6, 4, disk));
  open_labels(labels.view(), disk, s.arena);
  EXPECT_EQ(show(labels), (Rows{"111222",  //
                                "111222",  //
                                "11..22",  //
                                "1....2"}));
  auto seeds = parse<std::int32_t>({"2...1", "....."});
  Scratch t(grow_labels_scratch_bytes(5, 2, make_disk(2)));
  grow_labels(seeds.view(), make_disk(2), t.arena);
  EXPECT_EQ(show(seeds), (Rows{"22111", "22.11"}));
}

TEST(KernelsMasks, EverySizeFitsItsScratch) {
  for (const std::int64_t w : kSizes) {
    for (const std::int64_t h : {std::int64_t{0}, std::int64_t{1}, std::int64_t{33}}) {
      auto mask = checkerboard(w, h);
      Image<std::int32_t> labels(w, h);
      const Disk disk = make_disk(3);
      Scratch a(label_components_scratch_bytes(w, h));
      label_components(mask.view(), Connectivity::kFour, a.arena, labels.view());
      const auto ones = std::count(mask.pixels.begin(), mask.pixels.end(), 1);
      const auto top = std::max_element(labels.pixels.begin(), labels.pixels.end());
      EXPECT_EQ(labels.pixels.empty() ? 0 : *top, ones);
      Scratch r(relabel_components_scratch_bytes(w, h));
      relabel_components(labels.view(), Connectivity::kEight, r.arena);
      Scratch b(fill_holes_scratch_bytes(w, h));
      fill_holes(mask.view(), 1, b.arena);
      Scratch c(morphology_scratch_bytes(w, h, disk));
      open(mask.view(), disk, c.arena, mask.view());
      Scratch d(squared_distance_scratch_bytes(w));
      squared_distance(mask.view(), d.arena, labels.view());
    }
  }
}

}  // namespace
}  // namespace tilepool
