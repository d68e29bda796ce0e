#include "worker/scan_strips.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/run/strip_file.h"
#include "support/run_python.h"
#include "worker/scan_slide.h"

namespace tilepool {
namespace {

using testing::TempFolder;

constexpr std::size_t kRoom = std::size_t{1} << 28;

/// A flat slide, a dark disk on grainy glass, of which `bad` cannot be read.
class FlatSlide : public SlideSource {
 public:
  FlatSlide(std::int64_t width, std::int64_t height, double mpp) {
    info_.vendor = "flat";
    info_.width = width;
    info_.height = height;
    info_.levels = {{width, height, 1}};
    info_.mpp_x = info_.mpp_y = mpp;
    info_.mpp_source = "test";
    info_.fingerprint = "0123456789abcdef";
  }
  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int /*level*/, std::int64_t x, std::int64_t y, RgbView out) override {
    ++reads;
    for (const Rect& part : bad)
      check(x + out.width <= part.x || x >= part.x + part.w || y + out.height <= part.y ||
                y >= part.y + part.h,
            ErrorCode::kSlide, "damaged at {}, {}", part.x, part.y);
    for (std::int64_t row = 0; row < out.height; ++row)
      for (std::int64_t column = 0; column < out.width; ++column)
        paint(x + column, y + row, out.pixel(column, row));
  }
  std::vector<Rect> bad;  ///< level-0 pixels
  int reads = 0;
  SlideInfo info_;

 private:
  void paint(std::int64_t x, std::int64_t y, std::uint8_t* pixel) const {
    const std::int64_t dx = x - info_.width / 2;
    const std::int64_t dy = y - info_.height / 3;
    const bool tissue = dx * dx + dy * dy < info_.width * info_.width / 9;
    const auto grain = static_cast<std::uint8_t>((x * 2654435761 + y * 40503) >> 7 & 15);
    pixel[0] = static_cast<std::uint8_t>((tissue ? 150 : 235) + grain);
    pixel[1] = static_cast<std::uint8_t>((tissue ? 90 : 232) + grain);
    pixel[2] = static_cast<std::uint8_t>((tissue ? 140 : 238) + grain);
  }
};

Options with_strips(std::int64_t mpx) {
  Options options;
  options.tiles.size_px = 512;
  options.tissue.scan_strip_mpx = mpx;
  return options;
}

void commit_all(const RunLayout& layout, FlatSlide& slide, const Options& options, Budget& budget) {
  const std::int64_t count = count_strips(slide.info(), options);
  for (std::int64_t index = count - 1; index >= 0; --index)  // the order makes no difference
    commit_strip(layout, "s", slide, index, options, budget);
}

std::optional<SlideScan> joined(const RunLayout& layout, FlatSlide& slide, const Options& options,
                                Budget& budget) {
  return scan_from_strips({.id = "s", .path = "p"}, slide, count_strips(slide.info(), options),
                          layout, options, budget);
}

template <class T>
std::vector<T> values(const Buffer<T>& buffer) {
  return {buffer.data(), buffer.data() + buffer.size()};
}

void expect_equal(const SlideScan& a, const SlideScan& b) {
  EXPECT_EQ(a.notes, b.notes);
  EXPECT_EQ(a.modality, b.modality);
  EXPECT_EQ(a.tissue.downsample, b.tissue.downsample);
  ASSERT_EQ(a.tissue.width, b.tissue.width);
  ASSERT_EQ(a.tissue.height, b.tissue.height);
  EXPECT_TRUE(values(a.tissue.rgb) == values(b.tissue.rgb));
  EXPECT_TRUE(values(a.tissue.mask) == values(b.tissue.mask));
  EXPECT_TRUE(values(a.tissue.variance) == values(b.tissue.variance));
  EXPECT_EQ(a.tissue_fraction, b.tissue_fraction);
}

std::string error_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSlide);
    return error.what();
  }
  return "nothing was thrown";
}

struct Case {
  std::int64_t width, height;
  double mpp;
  std::int64_t mpx, strips;
  TissueMethod method;
  std::vector<Rect> bad;
  bool exact = false;
};

class Strips : public ::testing::TestWithParam<Case> {};

TEST_P(Strips, JoinedAreTheScanOfOneReader) {
  const Case& c = GetParam();
  const TempFolder folder;
  const RunLayout layout(folder.path());
  Options options = with_strips(c.mpx);
  options.tissue.method = c.method;
  options.tissue.exact = c.exact;
  Budget budget(kRoom);
  FlatSlide slide(c.width, c.height, c.mpp);
  slide.bad = c.bad;
  const SlideScan whole = scan_slide({.id = "s", .path = "p"}, slide, options, budget);
  EXPECT_EQ(whole.notes.find("cannot be read") != std::string::npos, !c.bad.empty());
  ASSERT_EQ(count_strips(slide.info(), options), c.strips);
  Budget narrow(strip_bytes(slide.info(), options));
  commit_all(layout, slide, options, narrow);
  EXPECT_TRUE(strips_exist(layout, "s", c.strips));
  slide.reads = 0;
  const auto scan = joined(layout, slide, options, budget);
  ASSERT_TRUE(scan);
  EXPECT_EQ(slide.reads > 0, c.exact);
  expect_equal(*scan, whole);
  discard_strips(layout, "s", c.strips);
  EXPECT_TRUE(std::filesystem::is_empty(layout.scan_dir()));
}

INSTANTIATE_TEST_SUITE_P(
    Slides, Strips,
    ::testing::Values(
        Case{4500, 9000, 0.5, 10, 5, TissueMethod::kOtsu, {}},
        Case{4500, 9000, 0.5, 19, 3, TissueMethod::kOtsuAndHsv, {}},
        Case{4444, 6221, 0.48, 1, 4, TissueMethod::kVariance, {}},
        Case{4500, 9000, 0.5, 10, 5, TissueMethod::kOtsu, {}, true},
        Case{2500, 6200, 8.0, 1, 4, TissueMethod::kOtsu, {}},  // scanned at level 0 as it is
        // inside one strip, across two, and the slide's last pixel
        Case{4500,
             9000,
             0.5,
             10,
             5,
             TissueMethod::kOtsu,
             {{100, 3000, 20, 20}, {1500, 4090, 700, 12}, {4499, 8999, 1, 1}}}));

TEST(StripRows, CoverTheImageOnceInWholeBlocks) {
  const SlideInfo info = FlatSlide(30000, 99991, 0.25).info();
  const ScanGeometry geometry = choose_scan(info, 8);
  for (const std::int64_t mpx : {1, 64, 100, 256, 1000, 2999}) {
    const std::int64_t count = count_strips(info, with_strips(mpx));
    EXPECT_GT(count, 1);
    std::int64_t row = 0;
    for (std::int64_t index = 0; index < count; ++index) {
      const ScanRows rows = strip_rows(geometry, count, index);
      EXPECT_EQ(rows.first, row);
      EXPECT_EQ(rows.first % scan_block_edge(geometry), 0);
      EXPECT_GT(rows.count(), 0);
      row = rows.last;
    }
    EXPECT_EQ(row, geometry.height);
  }
  EXPECT_EQ(count_strips(info, with_strips(3000)), 1);
}

TEST(ScanStrips, ASlideTooDamagedFailsForTheReasonThatOneReaderGives) {
  const TempFolder folder;
  Budget budget(kRoom);
  const Options options = with_strips(10);
  std::vector<Rect> dust;
  for (std::int64_t i = 0; i < 300; ++i)
    dust.push_back({i % 15 * 300 + 9, 20 + i / 15 * 400, 1, 1});
  for (const std::vector<Rect>& bad : {std::vector<Rect>{{0, 4300, 4500, 4700}}, dust}) {
    FlatSlide slide(4500, 9000, 0.5);
    slide.bad = bad;
    const RunLayout layout(folder.path() / std::to_string(bad.size()));
    const std::string whole =
        error_of([&] { (void)scan_slide({.id = "s", .path = "p"}, slide, options, budget); });
    EXPECT_NE(whole.find("damaged at"), std::string::npos) << whole;
    commit_all(layout, slide, options, budget);
    EXPECT_EQ(error_of([&] { (void)joined(layout, slide, options, budget); }), whole);
  }
}

TEST(ScanStrips, AStripThatIsThereIsNotReadAgainUnlessTheSlideOrTheCutChanged) {
  const TempFolder folder;
  const RunLayout layout(folder.path());
  Budget budget(kRoom);
  FlatSlide slide(4500, 9000, 0.5);
  commit_strip(layout, "s", slide, 2, with_strips(10), budget);
  const int once = slide.reads;
  EXPECT_GT(once, 0);
  commit_strip(layout, "s", slide, 2, with_strips(10), budget);
  EXPECT_EQ(slide.reads, once);
  commit_strip(layout, "s", slide, 2, with_strips(19), budget);
  EXPECT_GT(slide.reads, once);
  const int twice = slide.reads;
  slide.info_.fingerprint = "fedcba9876543210";
  commit_strip(layout, "s", slide, 2, with_strips(19), budget);
  EXPECT_GT(slide.reads, twice);
}

TEST(ScanStrips, AMissingOrDamagedStripIsNoticed) {
  const TempFolder folder;
  const RunLayout layout(folder.path());
  Budget budget(kRoom);
  const Options options = with_strips(10);
  FlatSlide slide(4500, 9000, 0.5);
  commit_all(layout, slide, options, budget);
  const auto file = layout.scan_strip("s", 3);
  const auto size = std::filesystem::file_size(file);
  for (const std::uintmax_t at : {std::uintmax_t{3}, std::uintmax_t{60}, size / 2, size - 1}) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const int byte = stream.get();
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(byte ^ 0x10));
    stream.close();
    EXPECT_FALSE(joined(layout, slide, options, budget)) << "byte " << at;
    commit_strip(layout, "s", slide, 3, options, budget);
    EXPECT_TRUE(joined(layout, slide, options, budget)) << "it is read again";
  }
  std::ofstream(file, std::ios::app) << "more";
  EXPECT_FALSE(joined(layout, slide, options, budget));
  std::filesystem::resize_file(file, size - 9);
  EXPECT_FALSE(joined(layout, slide, options, budget));
  std::filesystem::remove(file);
  EXPECT_FALSE(strips_exist(layout, "s", 5));
  EXPECT_FALSE(joined(layout, slide, options, budget));
}

TEST(ScanStrips, AStripThatWasGivenUpCountsAsTissueThatCannotBeRead) {
  const TempFolder folder;
  const RunLayout layout(folder.path());
  Budget budget(kRoom);
  const Options options = with_strips(10);
  FlatSlide slide(4500, 9000, 0.5);
  const auto give_up = [&](std::int64_t index) {
    write_given_up_strip(layout.scan_strip("s", static_cast<std::uint64_t>(index)),
                         {slide.info().fingerprint, index, 5}, "worker 2 was lost");
  };
  give_up(4);
  commit_all(layout, slide, options, budget);
  const auto scan = joined(layout, slide, options, budget);
  ASSERT_TRUE(scan);
  EXPECT_NE(scan->notes.find("1 parts cannot be read and count as tissue: worker 2 was lost"),
            std::string::npos)
      << scan->notes;
  const TissueMap& map = scan->tissue;
  const ScanRows rows = strip_rows(choose_scan(slide.info(), 8), 5, 4);
  for (std::int64_t i = rows.first * map.width; i < rows.last * map.width; ++i)
    ASSERT_EQ(map.mask.data()[i], 1);
  for (const std::int64_t index : {0, 1, 2}) give_up(index);
  EXPECT_EQ(error_of([&] { (void)joined(layout, slide, options, budget); }), "worker 2 was lost");
}

TEST(ScanStrips, SweepingLeavesTheOtherFilesAlone) {
  const TempFolder folder;
  const RunLayout layout(folder.path());
  write_given_up_strip(layout.scan_strip("a.strip-1", 7), {"f", 7, 8}, "lost");
  std::ofstream(layout.scan_file("a.strip-1")) << "scan";
  std::ofstream(layout.slide_calibration("a.strip-1")) << "{}";
  remove_strips(layout.scan_dir());
  EXPECT_FALSE(std::filesystem::exists(layout.scan_strip("a.strip-1", 7)));
  EXPECT_TRUE(std::filesystem::exists(layout.scan_file("a.strip-1")));
  EXPECT_TRUE(std::filesystem::exists(layout.slide_calibration("a.strip-1")));
  remove_strips(folder.path() / "not there");
}

}  // namespace
}  // namespace tilepool
