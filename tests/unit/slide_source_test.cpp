#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/slide/fingerprint.h"
#include "common/slide/mpp.h"
#include "common/slide/slide_pool.h"
#include "common/slide/source.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

fs::path slides() {
  const char* folder = std::getenv("TILEPOOL_TEST_DATA");
  return fs::path(folder != nullptr ? folder : TILEPOOL_SOURCE_DIR "/../shared/data") / "slides";
}

struct Image {
  explicit Image(std::int64_t w, std::int64_t h)
      : width(w), height(h), rgb(static_cast<std::size_t>(3 * w * h), 7) {}
  RgbView view() { return {rgb.data(), width, height, 3 * width}; }
  std::int64_t width, height;
  std::vector<std::uint8_t> rgb;
};

std::string error_of(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSlide) << error.what();
    return error.what();
  }
  return "";
}

TEST(Mpp, ConfigWinsThenOpenSlideThenTiffTags) {
  const MppTags all{"0.25", "0.26", "20000", "20000", "centimeter"};
  EXPECT_EQ(resolve_mpp(0.5, all).source, "config");
  EXPECT_EQ(resolve_mpp(0.5, all).y, 0.5);
  EXPECT_EQ(resolve_mpp(std::nullopt, all).source, "openslide");
  EXPECT_EQ(resolve_mpp(std::nullopt, all).y, 0.26);
  const Mpp tags = resolve_mpp(std::nullopt, {{}, {}, "20000", "25000", "centimeter"});
  EXPECT_EQ(tags.source, "tiff-resolution");
  EXPECT_EQ(tags.x, 0.5);
  EXPECT_EQ(tags.y, 0.4);
  EXPECT_EQ(resolve_mpp(std::nullopt, {{}, {}, "50800", {}, "inch"}).x, 0.5);
}

TEST(Mpp, ImplausibleStaysUnknownWithAReason) {
  const Mpp tiny = resolve_mpp(std::nullopt, {{}, {}, "2004008", "2004008", "centimeter"});
  EXPECT_TRUE(std::isnan(tiny.x));
  EXPECT_EQ(tiny.source, "");
  EXPECT_EQ(tiny.problem.find("mpp 0.00499 um/px from tiff.XResolution is implausible (0.05..20)"),
            0U)
      << tiny.problem;
  EXPECT_NE(resolve_mpp(std::nullopt, {{}, {}, "1", "1", "none"}).problem, "");
  EXPECT_NE(resolve_mpp(std::nullopt, {"abc", {}, {}, {}, {}}).problem, "");
  EXPECT_NE(error_of([] { (void)resolve_mpp(300.0, {}); }).find("300 um/px from the config"),
            std::string::npos);
  EXPECT_NO_THROW((void)resolve_mpp(kMinMpp, {}));
  EXPECT_NO_THROW((void)resolve_mpp(kMaxMpp, {}));
}

TEST(Source, BadRegionDoesNotSpoilTheOthers) {
  const fs::path path = slides() / "derived/CMU-1-zeroed-tile.svs";
  if (!fs::exists(path)) GTEST_SKIP() << "no " << path;
  const auto broken = open_slide(path, std::nullopt);
  const auto whole = open_slide(slides() / "aperio/CMU-1-Small-Region.svs", std::nullopt);
  Image good(240, 240);
  Image expected(240, 240);
  whole->read(0, 960, 1440, expected.view());
  for (int round = 0; round < 3; ++round) {
    const std::string reason =
        error_of([&] { broken->read(0, 1200, 1440, Image(240, 240).view()); });
    EXPECT_NE(reason.find("Not a JPEG file"), std::string::npos) << reason;
    EXPECT_EQ(reason.find('\n'), std::string::npos);
    broken->read(0, 960, 1440, good.view());
    EXPECT_EQ(good.rgb, expected.rgb);
  }
}

// A read that another thread's bad region disturbs must not be blamed, nor return its zeros.
TEST(Source, BadRegionInOneThreadDoesNotDisturbAnother) {
  const fs::path path = slides() / "derived/CMU-1-zeroed-tile.svs";
  if (!fs::exists(path)) GTEST_SKIP() << "no " << path;
  const auto broken = open_slide(path, std::nullopt);
  const auto whole = open_slide(slides() / "aperio/CMU-1-Small-Region.svs", std::nullopt);
  Image expected(1000, 1000);
  whole->read(0, 0, 0, expected.view());
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::thread bad([&] {
    while (!stop) {
      if (!error_of([&] { broken->read(0, 1210, 1450, Image(10, 10).view()); }).empty()) ++failures;
    }
  });
  for (int round = 0; round < 20 || failures < 3; ++round) {
    Image good(1000, 1000);
    broken->read(0, 0, 0, good.view());
    EXPECT_EQ(good.rgb, expected.rgb) << "round " << round;
  }
  stop = true;
  bad.join();
}

TEST(Source, MiraxWithMissingLevelsReadsTheOthers) {
  const fs::path path = slides() / "mirax/Mirax2-Fluorescence-2.mrxs";
  if (!fs::exists(path)) GTEST_SKIP() << "no " << path;
  const auto slide = open_slide(path, std::nullopt);
  const std::string reason =
      error_of([&] { slide->read(0, 12000, 105000, Image(512, 512).view()); });
  EXPECT_NE(reason.find("Data000"), std::string::npos) << reason;
  Image coarse(200, 200);
  slide->read(4, 700, 6600, coarse.view());
  EXPECT_TRUE(std::any_of(coarse.rgb.begin(), coarse.rgb.end(), [](auto v) { return v != 255; }));
}

TEST(Source, BeyondTheSlideIsWhite) {
  const fs::path path = slides() / "aperio/CMU-1-Small-Region.svs";
  if (!fs::exists(path)) GTEST_SKIP() << "no " << path;
  const auto slide = open_slide(path, std::nullopt);
  Image corner(20, 20);
  slide->read(0, 0, 0, corner.view());
  EXPECT_EQ(corner.rgb[3 * (10 * 20 + 10)], 244);
  EXPECT_EQ(corner.rgb[3 * (10 * 20 + 10) + 1], 250);
  EXPECT_EQ(corner.rgb[3 * (10 * 20 + 10) + 2], 243);
  for (const auto& [x, y] : {std::pair{-20, 0}, {0, -20}, {2220, 0}, {0, 2967}, {-9999, 99999}}) {
    Image outside(20, 20);
    slide->read(0, x, y, outside.view());
    EXPECT_EQ(outside.rgb, std::vector<std::uint8_t>(1200, 255)) << x << "," << y;
  }
}

TEST(Fingerprint, ChangesWithOneSampledByteAndWithSize) {
  const fs::path file = fs::path(::testing::TempDir()) / "fingerprint.bin";
  const auto print_of = [&](std::size_t size, std::size_t changed) {
    std::string bytes(size, 'a');
    bytes[changed] = 'b';
    std::ofstream(file, std::ios::binary) << bytes;
    return slide_fingerprint(file);
  };
  constexpr std::size_t kBig = 3 << 20;
  EXPECT_EQ(print_of(1000, 5), print_of(1000, 5));
  EXPECT_NE(print_of(1000, 5), print_of(1000, 6));
  EXPECT_NE(print_of(kBig, 0), print_of(kBig, kBig - 1));
  EXPECT_NE(print_of(kBig, 0), print_of(kBig + 1, 0));
  EXPECT_EQ(print_of(1000, 5).size(), 16U);
  fs::remove(file);
}

/// Counts what is open; needs no file.
class FakeSource final : public SlideSource {
 public:
  explicit FakeSource(std::atomic<int>& open) : open_(open) { ++open_; }
  ~FakeSource() override { --open_; }
  FakeSource(const FakeSource&) = delete;
  FakeSource& operator=(const FakeSource&) = delete;
  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int /*level*/, std::int64_t /*x*/, std::int64_t /*y*/, RgbView /*out*/) override {}

 private:
  std::atomic<int>& open_;
  SlideInfo info_;
};

TEST(SlidePool, KeepsTheRecentlyUsedWithinCapacity) {
  std::atomic<int> open{0};
  std::vector<std::string> opened;
  SlidePool pool(2, [&](const std::string& path, std::optional<double>) {
    opened.push_back(path);
    return std::make_unique<FakeSource>(open);
  });
  for (const char* path : {"a", "b", "a", "c", "a", "b"}) {
    (void)pool.get(path, std::nullopt);
    EXPECT_LE(open, 2);
  }
  EXPECT_EQ(opened, (std::vector<std::string>{"a", "b", "c", "b"}));
  pool.close_idle();
  EXPECT_EQ(open, 0);
}

TEST(SlidePool, NeverClosesNorReopensWhatIsHeld) {
  std::atomic<int> open{0};
  int opened = 0;
  SlidePool pool(1, [&](const std::string&, std::optional<double>) {
    ++opened;
    return std::make_unique<FakeSource>(open);
  });
  const auto held = pool.get("a", std::nullopt);
  (void)pool.get("b", std::nullopt);
  EXPECT_EQ(pool.get("a", std::nullopt), held);
  EXPECT_EQ(opened, 2);
  (void)pool.get("c", std::nullopt);
  EXPECT_EQ(open, 2) << "b is closed, a is held, c is open";
}

TEST(SlidePool, ClosesOneSlideUnlessItIsHeld) {
  std::atomic<int> open{0};
  SlidePool pool(4, [&](const std::string&, std::optional<double>) {
    return std::make_unique<FakeSource>(open);
  });
  const auto held = pool.get("a", std::nullopt);
  (void)pool.get("b", std::nullopt);
  EXPECT_FALSE(pool.close("a"));
  EXPECT_TRUE(pool.close("b"));
  EXPECT_TRUE(pool.close("never opened"));
  EXPECT_EQ(open, 1);
}

TEST(SlidePool, ConcurrentGetsOpenOnceAndFailuresAreNotRemembered) {
  std::atomic<int> open{0};
  std::atomic<int> tries{0};
  std::atomic<bool> broken{true};
  SlidePool pool(4, [&](const std::string&, std::optional<double>) -> std::unique_ptr<SlideSource> {
    ++tries;
    std::this_thread::yield();
    check(!broken, ErrorCode::kSlide, "broken");
    return std::make_unique<FakeSource>(open);
  });
  EXPECT_EQ(error_of([&] { (void)pool.get("a", std::nullopt); }), "broken");
  EXPECT_EQ(pool.open_slides(), 0U);
  broken = false;
  tries = 0;
  std::vector<std::thread> threads;
  std::vector<std::shared_ptr<SlideSource>> got(8);
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] { got[i] = pool.get("a", std::nullopt); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(tries, 1);
  for (const auto& source : got) EXPECT_EQ(source, got[0]);
}

}  // namespace
}  // namespace tilepool
