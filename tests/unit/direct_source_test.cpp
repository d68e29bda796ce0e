#include "common/slide/direct_source.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <thread>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/slide/openslide_source.h"
#include "common/slide/shared_tiles.h"
#include "common/slide/source.h"
#include "support/tiff_slide.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
using testing::file_bytes;
using testing::TiffSlide;
using testing::write_bytes;
using testing::write_slide;
using Pixels = std::vector<std::uint8_t>;

fs::path slides() {
  const char* folder = std::getenv("TILEPOOL_TEST_DATA");
  return fs::path(folder != nullptr ? folder : TILEPOOL_SOURCE_DIR "/../shared/data") / "slides";
}

struct Region {
  int level = 0;
  std::int64_t x = 0, y = 0, width = 1, height = 1;
};

std::string reason(SlideSource& source, const Region& region) {
  Pixels rgb(static_cast<std::size_t>(3 * region.width * region.height));
  try {
    source.read(region.level, region.x, region.y,
                {rgb.data(), region.width, region.height, 3 * region.width});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// The pixels, nullopt on an error.
std::optional<Pixels> pixels(SlideSource& source, const Region& region) {
  Pixels rgb(static_cast<std::size_t>(3 * region.width * region.height), 7);
  try {
    source.read(region.level, region.x, region.y,
                {rgb.data(), region.width, region.height, 3 * region.width});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSlide) << error.what();
    return std::nullopt;
  }
  return rgb;
}

Region random_region(const SlideInfo& info, std::mt19937& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  Region region;
  region.level = static_cast<int>(pick(0, static_cast<std::int64_t>(info.levels.size()) - 1));
  const LevelInfo& level = info.levels[static_cast<std::size_t>(region.level)];
  const std::int64_t most =
      std::array{1, 2, 30, 256, 300, 800}[static_cast<std::size_t>(pick(0, 5))];
  region.width = pick(1, most);
  region.height = pick(1, most);
  region.x = pick(-region.width, level.width + 20);
  region.y = pick(-region.height, level.height + 20);
  return region;
}

void expect_same_info(const SlideInfo& a, const SlideInfo& b) {
  EXPECT_EQ(a.vendor, b.vendor);
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.mpp_source, b.mpp_source);
  EXPECT_EQ(a.mpp_problem, b.mpp_problem);
  EXPECT_EQ(a.fingerprint, b.fingerprint);
  EXPECT_TRUE(a.mpp() == b.mpp() || (a.mpp() != a.mpp() && b.mpp() != b.mpp()));
  ASSERT_EQ(a.levels.size(), b.levels.size());
  for (std::size_t i = 0; i < a.levels.size(); ++i) {
    EXPECT_EQ(a.levels[i].width, b.levels[i].width);
    EXPECT_EQ(a.levels[i].height, b.levels[i].height);
    EXPECT_EQ(a.levels[i].downsample, b.levels[i].downsample);
  }
}

/// OpenSlide is the oracle: equal pixels, or an error where it gives one. Returns the errors.
int expect_same_pixels(SlideSource& direct, SlideSource& oracle, int regions, unsigned seed = 1) {
  std::mt19937 random(seed);
  int errors = 0;
  for (int i = 0; i < regions; ++i) {
    const Region region = random_region(oracle.info(), random);
    const auto expected = pixels(oracle, region);
    errors += expected ? 0 : 1;
    const bool equal = pixels(direct, region) == expected;
    EXPECT_TRUE(equal) << "level " << region.level << " at " << region.x << ", " << region.y << ": "
                       << region.width << " x " << region.height << (expected ? "" : ", an error");
    if (!equal) return errors;
  }
  return errors;
}

class Direct : public ::testing::Test {
 protected:
  Direct()
      : folder_(fs::path(::testing::TempDir()) /
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::create_directories(folder_);
  }
  ~Direct() override { fs::remove_all(folder_); }

  std::string write(const TiffSlide& slide) {
    std::string path = folder_ / "slide.tif";
    write_slide(path, slide);
    return path;
  }
  /// Both sources of one file.
  void compare(const std::string& path, int regions = 60) {
    const auto direct = open_slide(path, std::nullopt, Reader::kDirect);
    OpenSlideSource oracle(path, std::nullopt);
    EXPECT_EQ(direct->info().reader.substr(0, 6), "direct");
    expect_same_info(direct->info(), oracle.info());
    expect_same_pixels(*direct, oracle, regions);
  }
  fs::path folder_;
};

TEST_F(Direct, EveryFormAndTileSize) {
  const std::vector<TiffSlide::Level> pyramid = {{1200, 1000}, {600, 500}, {300, 250}};
  for (const char* mode : {"wl", "w8l", "w8b"}) {
    SCOPED_TRACE(mode);
    compare(write({.mode = mode, .levels = pyramid}));
  }
  // OpenSlide 3.4.1 takes the wrong half of 64 bits for the first directory's place.
  EXPECT_THROW((void)open_slide(write({.mode = "wb"}), std::nullopt), Error);
  for (const auto& [width, height] :
       {std::pair{240U, 240U}, {512U, 512U}, {64U, 16U}, {16U, 272U}}) {
    SCOPED_TRACE(width);
    compare(write({.tile_width = width, .tile_height = height, .levels = pyramid}));
  }
}

TEST_F(Direct, EveryColourAndSubsampling) {
  for (const auto& [across, down] : {std::pair{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}})
    for (const bool tables : {true, false}) {
      SCOPED_TRACE(across * 10 + down);
      compare(write({.across = static_cast<std::uint16_t>(across),
                     .down = static_cast<std::uint16_t>(down),
                     .tables = tables}));
    }
  compare(write({.ycbcr = false}));
  compare(write({.ycbcr = false, .tables = false}));
  compare(write({.tables = false, .progressive = true}));
}

/// Aperio's files say RGB where the JPEG says YCbCr and the other way round: the TIFF decides.
TEST_F(Direct, ThePhotometricOfTheTiffDecides) {
  for (const bool ycbcr : {true, false}) {
    const std::string path = write({.ycbcr = ycbcr, .aperio = true});
    std::string bytes = file_bytes(path);
    const std::string from = {6, 1, 3, 0, 1, 0, 0, 0, ycbcr ? '\6' : '\2', 0};
    const std::size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos);
    bytes[at + 8] = ycbcr ? '\2' : '\6';
    write_bytes(path, bytes);
    compare(path);
  }
}

/// Every first row and column of a tile, since only a part of the tile is transformed.
TEST_F(Direct, EveryCutThroughATile) {
  for (const auto& [across, down] : {std::pair{1, 1}, {2, 1}, {2, 2}, {4, 2}}) {
    SCOPED_TRACE(across * 10 + down);
    const std::uint32_t edge = across == 4 ? 256 : 240;  // a multiple of the MCU
    const std::string path = write({.tile_width = edge,
                                    .tile_height = edge,
                                    .across = static_cast<std::uint16_t>(across),
                                    .down = static_cast<std::uint16_t>(down),
                                    .levels = {{480, 480}}});
    const auto direct = open_slide(path, std::nullopt, Reader::kDirect);
    OpenSlideSource oracle(path, std::nullopt);
    const Pixels whole = *pixels(oracle, {0, 0, 0, 480, 480});
    const auto check_cut = [&](const Region& cut) {
      const Pixels part = *pixels(*direct, cut);
      for (std::int64_t y = 0; y < cut.height; ++y)
        ASSERT_EQ(std::memcmp(part.data() + 3 * y * cut.width,
                              whole.data() + 3 * ((cut.y + y) * 480 + cut.x),
                              static_cast<std::size_t>(3 * cut.width)),
                  0)
            << cut.x << ", " << cut.y << ": " << cut.width << " x " << cut.height << ", row " << y;
    };
    for (std::int64_t at = 0; at < 240; ++at)
      for (const std::int64_t length : {1, 2, 15, 40, 130, 240}) {
        check_cut({0, at, 77, length, 9});
        check_cut({0, 91, at, 9, length});
        check_cut({0, at, at / 2, length, length});
      }
  }
}

TEST_F(Direct, MissingTiles) {
  const std::vector<TiffSlide::Level> pyramid = {{1024, 1024}, {512, 512}, {256, 256}};
  TiffSlide slide{.tile_width = 128, .tile_height = 128, .aperio = true, .levels = pyramid};
  slide.missing = {{0, 9}, {0, 63}, {1, 2}};
  compare(write(slide), 200);
  slide.aperio = false;
  compare(write(slide), 200);
}

TEST_F(Direct, LevelsThatAreNotWholeGoThroughOpenSlide) {
  const std::string path = write(
      {.tile_width = 128, .tile_height = 128, .levels = {{1001, 803}, {500, 401}, {250, 200}}});
  EXPECT_NE(open_slide(path, std::nullopt)->info().reader.find("openslide for level 1 2"),
            std::string::npos);
  compare(path);
}

TEST_F(Direct, WhatIsNotKnownGoesToOpenSlideAndSaysWhy) {
  const std::string path = write({.ycbcr = false, .compression = COMPRESSION_ADOBE_DEFLATE});
  const auto slide = open_slide(path, std::nullopt);
  EXPECT_EQ(slide->info().reader, "openslide (compression 8 is not JPEG)");
  EXPECT_EQ(open_slide(path, std::nullopt, Reader::kOpenSlide)->info().reader, "openslide");
  try {
    (void)open_slide(path, std::nullopt, Reader::kDirect);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSlide);
    EXPECT_STREQ(error.what(),
                 "slide.tif: /workers/reader is direct, but compression 8 is not JPEG; write "
                 "\"auto\"");
  }
}

/// Damage anywhere in a tile is an error for every region that touches it, or for none.
TEST_F(Direct, DamagedTilesFailWhereOpenSlideFails) {
  for (const bool progressive : {false, true}) {
    const std::string path = write({.tables = !progressive, .progressive = progressive});
    const auto [offset, size] = testing::tile_extent(path, 0, 4);
    const std::string whole = file_bytes(path);
    std::mt19937 random(3);
    int errors = 0;
    for (int round = 0; round < 60; ++round) {
      std::string bytes = whole;
      const std::size_t at = offset + random() % size;
      const std::size_t length = std::min<std::size_t>(1 + random() % 40, offset + size - at);
      for (std::size_t i = 0; i < length; ++i)
        bytes[at + i] = round % 3 == 0 ? '\0' : static_cast<char>(random());
      write_bytes(path, bytes);
      const auto direct = open_slide(path, std::nullopt, Reader::kDirect);
      OpenSlideSource oracle(path, std::nullopt);
      for (const Region& region : {Region{0, 300, 300, 20, 20},
                                   {0, 256, 256, 256, 256},
                                   {0, 256, 256, 40, 3},
                                   {0, 500, 500, 3, 3},
                                   {0, 0, 0, 600, 500}}) {
        const auto expected = pixels(oracle, region);
        errors += expected ? 0 : 1;
        ASSERT_EQ(pixels(*direct, region), expected) << "round " << round << " at " << at;
        if (!expected) {
          EXPECT_EQ(reason(*direct, region), reason(oracle, region));
        }
      }
      EXPECT_TRUE(pixels(*direct, {0, 0, 0, 250, 250}));  // the others stay readable
    }
    EXPECT_GT(errors, 10);
  }
}

/// No tables of one tile serve another that lacks its own.
TEST_F(Direct, TablesOfATileAreItsOwn) {
  const std::string path = write({.tables = false});
  const auto [offset, size] = testing::tile_extent(path, 0, 1);
  std::string bytes = file_bytes(path);
  const std::size_t quantisation = bytes.find("\xff\xdb", offset);
  ASSERT_LT(quantisation, offset + size);
  bytes[quantisation + 1] = '\xfe';  // a comment
  write_bytes(path, bytes);
  const auto direct = open_slide(path, std::nullopt, Reader::kDirect);
  OpenSlideSource oracle(path, std::nullopt);
  for (int round = 0; round < 100; ++round) {
    ASSERT_TRUE(pixels(*direct, {0, 0, 0, 10, 10}));
    ASSERT_EQ(pixels(*direct, {0, 256, 0, 10, 10}), pixels(oracle, {0, 256, 0, 10, 10}));
  }
}

/// A file cut, with a loop in its chain of directories or with absurd numbers is refused or read as
/// OpenSlide reads it.
void expect_same_verdict(const std::string& path) {
  std::unique_ptr<OpenSlideSource> oracle;
  try {
    oracle = std::make_unique<OpenSlideSource>(path, std::nullopt);
  } catch (const Error&) {
    EXPECT_THROW((void)open_slide(path, std::nullopt), Error);
    return;
  }
  expect_same_pixels(*open_slide(path, std::nullopt), *oracle, 20);
}

TEST_F(Direct, DamagedFiles) {
  const std::string path = write(
      {.mode = "wl", .tile_width = 128, .tile_height = 128, .levels = {{512, 512}, {256, 256}}});
  const std::string whole = file_bytes(path);
  for (int part = 1; part < 40; ++part) {
    write_bytes(path, whole.substr(0, whole.size() * static_cast<std::size_t>(part) / 40));
    expect_same_verdict(path);
  }
  const auto word = [&](std::size_t at, int n) {
    std::uint32_t value = 0;
    std::memcpy(&value, whole.data() + at, static_cast<std::size_t>(n));
    return value;
  };
  const std::size_t directory = word(4, 4);
  const std::size_t entries = word(directory, 2);
  std::string loop = whole;
  std::memcpy(loop.data() + directory + 2 + 12 * entries, whole.data() + 4, 4);
  write_bytes(path, loop);
  expect_same_verdict(path);
  for (std::size_t entry = 0; entry < entries; ++entry)
    for (const std::size_t field : {std::size_t{4}, std::size_t{8}})
      for (const std::uint32_t value : {0U, 1U, 15U, 70000U, 0x7fffffffU, 0xffffffffU}) {
        std::string bytes = whole;
        std::memcpy(bytes.data() + directory + 2 + 12 * entry + field, &value, 4);
        write_bytes(path, bytes);
        SCOPED_TRACE(fmt::format("entry {} field {} value {}", entry, field, value));
        expect_same_verdict(path);
      }
}

/// OpenSlide 3.4.1 ends the process on both.
TEST_F(Direct, WhatEndsOpenSlideIsNotGivenToIt) {
  const auto refusal = [&](const std::string& path) -> std::string {
    try {
      (void)open_slide(path, std::nullopt, Reader::kOpenSlide);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(write({.tile_width = 32,
                           .tile_height = 32,
                           .aperio = true,
                           .levels = {{64, 64}, {256, 256}},
                           .missing = {{0, 1}}})),
            "slide.tif: a level has more tiles than the one before");
  const std::string path = write({.mode = "w8l", .tables = false});
  std::string bytes = file_bytes(path);
  const std::string width = {66, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const std::size_t at = bytes.find(width);
  ASSERT_NE(at, std::string::npos);
  bytes[at + 8] = 1;  // 2^32 + 1 values
  write_bytes(path, bytes);
  EXPECT_NE(refusal(path).find("TIFF tag 322 claims 4294967297 values"), std::string::npos);
}

TEST_F(Direct, ManyThreadsAndManySlides) {
  std::vector<std::unique_ptr<SlideSource>> direct, oracle;
  for (const bool tables : {true, false}) {
    const std::string path = folder_ / fmt::format("{}.tif", tables);
    write_slide(path, {.tables = tables, .levels = {{1500, 1100}, {750, 550}}});
    direct.push_back(open_slide(path, std::nullopt, Reader::kDirect));
    oracle.push_back(std::make_unique<OpenSlideSource>(path, std::nullopt));
  }
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (unsigned round = 0; round < 20; ++round)
        expect_same_pixels(*direct[round % 2], *oracle[round % 2], 4, 100 * t + round);
    });
  for (std::thread& thread : threads) thread.join();
}

/// Windows of `edge` px whose halos overlap, in the order in which a lease has them.
std::vector<Rect> windows(const SlideInfo& info, std::int64_t edge, std::int64_t halo) {
  std::vector<Rect> all;
  for (std::int64_t y = 0; y < info.height; y += edge)
    for (std::int64_t x = 0; x < info.width; x += edge)
      all.push_back({x - halo, y - halo, edge + 2 * halo, edge + 2 * halo});
  return all;
}

void read_expected(SlideSource& source, SlideSource& oracle, const std::vector<Rect>& all,
                   std::size_t begin, std::size_t step) {
  for (std::size_t i = begin; i < all.size(); i += step) {
    const std::size_t from = i < step ? 0 : i - step;
    source.expect(0, std::span(all).subspan(from, std::min<std::size_t>(16, all.size() - from)));
    const Region region{0, all[i].x, all[i].y, all[i].w, all[i].h};
    EXPECT_EQ(pixels(source, region), pixels(oracle, region)) << "window " << i;
  }
}

TEST_F(Direct, WhatIsExpectedIsDecodedOnce) {
  const std::string path = write({.tile_width = 64, .tile_height = 64, .levels = {{1000, 700}}});
  OpenSlideSource oracle(path, std::nullopt);
  for (const auto& [edge, halo] : {std::pair{100, 30}, {300, 20}, {64, 0}, {40, 70}}) {
    SCOPED_TRACE(edge);
    const auto slide = open_slide(path, std::nullopt, Reader::kDirect);
    auto& direct = dynamic_cast<DirectSource&>(*slide);
    read_expected(direct, oracle, windows(direct.info(), edge, halo), 0, 1);
    EXPECT_EQ(direct.tiles_decoded(), 16U * 11U);
  }
}

TEST_F(Direct, ThreadsShareWhatIsExpected) {
  const std::string path = write({.tile_width = 64, .tile_height = 64, .levels = {{1000, 700}}});
  const auto slide = open_slide(path, std::nullopt, Reader::kDirect);
  OpenSlideSource oracle(path, std::nullopt);
  const std::vector<Rect> all = windows(slide->info(), 100, 30);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] { read_expected(*slide, oracle, all, t, 3); });
  for (std::thread& thread : threads) thread.join();
}

/// An expectation is only a hint: regions that never come, levels that are interpolated, places
/// beyond the slide, tiles without data or damaged.
TEST_F(Direct, ExpectationsThatDoNotComeTrue) {
  TiffSlide spec{.tile_width = 128, .tile_height = 128, .levels = {{1001, 803}, {500, 401}}};
  spec.missing = {{0, 3}, {0, 9}};
  const std::string path = write(spec);
  const auto [offset, size] = testing::tile_extent(path, 0, 4);
  std::string bytes = file_bytes(path);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, '\0');
  write_bytes(path, bytes);
  const auto slide = open_slide(path, std::nullopt, Reader::kDirect);
  OpenSlideSource oracle(path, std::nullopt);
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<Rect> regions = {{-5000, 0, 10, 10}, {0, 0, 100'000, 100'000}};
    for (int i = 0; i < 4; ++i) {
      const Region r = random_region(oracle.info(), random);
      regions.push_back({r.x, r.y, r.width, r.height});
    }
    slide->expect(round % 2, regions);
    expect_same_pixels(*slide, oracle, 5, static_cast<unsigned>(round));
  }
}

TEST(SharedTiles, KeepsToItsMemory) {
  SharedTiles tiles;
  const std::array regions = {Rect{0, 0, 300, 300}, Rect{250, 0, 300, 300}, Rect{500, 0, 9, 9}};
  EXPECT_EQ(tiles.expect(0, regions, 256, 256).size(), 3U);
  EXPECT_TRUE(tiles.wanted(0, {256, 0, 256, 256}, regions[0]));
  EXPECT_FALSE(tiles.wanted(0, {0, 256, 200, 256}, regions[0]));
  EXPECT_FALSE(tiles.wanted(1, {256, 0, 256, 256}, regions[0]));
  EXPECT_TRUE(tiles.expect(0, std::span(regions).subspan(1), 256, 256).empty());
  constexpr std::size_t kTile = 3 * 256 * 256;
  const auto fitting = static_cast<std::int64_t>(kSharedTilesBytes / kTile);
  for (std::int64_t tile = 0; tile < 2 * fitting; ++tile) {
    auto pixels = tiles.memory(kTile);
    (*pixels)[0] = static_cast<std::uint8_t>(tile);
    tiles.keep(0, tile, pixels);
    EXPECT_NE(tiles.find(0, 0), nullptr);  // used again and again
  }
  std::int64_t held = 0;
  for (std::int64_t tile = 0; tile < 2 * fitting; ++tile)
    if (const auto pixels = tiles.find(0, tile)) {
      EXPECT_EQ((*pixels)[0], static_cast<std::uint8_t>(tile));
      ++held;
    }
  EXPECT_EQ(held, fitting);
  EXPECT_TRUE(tiles.expect(0, {}, 256, 256).empty());  // nothing comes any more
  EXPECT_EQ(tiles.find(0, 0), nullptr);
  tiles.keep(0, 0, tiles.memory(kTile));
  tiles.clear();
  EXPECT_EQ(tiles.find(0, 0), nullptr);
  EXPECT_FALSE(tiles.wanted(0, {256, 0, 256, 256}, regions[0]));
}

TEST(DirectReal, EveryTiffOfTheTestData) {
  if (!fs::exists(slides())) GTEST_SKIP() << "no " << slides();
  int direct = 0;
  for (const auto& entry : fs::recursive_directory_iterator(slides())) {
    const std::string name = entry.path().extension();
    if (name != ".svs" && name != ".tif" && name != ".tiff") continue;
    SCOPED_TRACE(entry.path().string());
    std::unique_ptr<SlideSource> source;
    try {
      source = open_slide(entry.path(), std::nullopt);
    } catch (const Error&) {
      EXPECT_THROW(OpenSlideSource(entry.path(), std::nullopt), Error);
      continue;
    }
    OpenSlideSource oracle(entry.path(), std::nullopt);
    expect_same_info(source->info(), oracle.info());
    if (source->info().reader.substr(0, 6) != "direct") continue;
    ++direct;
    expect_same_pixels(*source, oracle, 60);
  }
  EXPECT_GE(direct, 6);
}

}  // namespace
}  // namespace tilepool
