#include "worker/staged_slides.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/slide/fingerprint.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

struct FakeSlide : SlideSource {
  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int /*level*/, std::int64_t /*x*/, std::int64_t /*y*/, RgbView /*out*/) override {}
  SlideInfo info_;
};

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Turns until the condition holds; fails after a minute, so that a copy that never comes is seen.
bool in_the_end(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class StagedSlidesTest : public ::testing::Test {
 protected:
  struct Rank {
    Rank(const fs::path& stage, std::optional<std::uint64_t> limit)
        : staged(stage, 1, limit, budget, pool) {}
    void want(const std::string& path) { staged.want(path, slide_fingerprint(path), user); }
    /// Whether it is read from a copy, once the copy is there.
    bool comes(const std::string& path) {
      return in_the_end([&] { return staged.path_of(path) != path; });
    }
    std::shared_ptr<int> user = std::make_shared<int>(0);
    Budget budget{64 * kMiB};
    SlidePool pool{
        4, [](const std::string&, std::optional<double>) { return std::make_unique<FakeSlide>(); }};
    StagedSlides staged;
  };
  void SetUp() override {
    fs::create_directory(stage_);
    fs::create_directory(slides_);
  }
  /// A file of that many bytes; larger than the copying buffer it ends in the middle of one.
  [[nodiscard]] std::string slide(const std::string& name, std::size_t bytes = 1000) const {
    std::string text(bytes, ' ');
    std::uint32_t state = static_cast<std::uint32_t>(std::hash<std::string>{}(name));
    for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    std::ofstream(slides_ / name, std::ios::binary) << text;
    return (slides_ / name).string();
  }

  testing::TempFolder folder_;
  const fs::path stage_ = folder_.path() / "stage", slides_ = folder_.path() / "slides";
};

TEST_F(StagedSlidesTest, ReadsTheCopyOnceItIsWholeAndOneRankMakesIt) {
  const std::string path = slide("a.svs", StagedSlides::kBufferBytes * 2 + 12345);
  {
    Rank one(stage_, std::nullopt);
    Rank two(stage_, std::nullopt);
    EXPECT_EQ(one.staged.path_of(path), path) << "nobody wants it";
    one.want(path);
    two.want(path);
    ASSERT_TRUE(one.comes(path));
    ASSERT_TRUE(two.comes(path));
    const std::string copy = one.staged.path_of(path);
    EXPECT_EQ(two.staged.path_of(path), copy);
    EXPECT_EQ(fs::path(copy).extension(), ".svs");
    EXPECT_EQ(bytes_of(copy), bytes_of(path));
    EXPECT_TRUE(in_the_end([&] {
      return one.staged.copied().bytes + two.staged.copied().bytes == fs::file_size(path);
    }));
    EXPECT_EQ(one.staged.copied().slides + two.staged.copied().slides, 1U);
  }
  EXPECT_TRUE(fs::is_empty(stage_));
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(StagedSlidesTest, EqualFingerprintsOfTwoFilesAreTwoCopies) {
  const std::string a = slide("a.svs", 3 * kMiB);
  const std::string b = (slides_ / "b.svs").string();
  fs::copy(a, b);
  {
    std::fstream damaged(b, std::ios::binary | std::ios::in | std::ios::out);
    damaged.seekp(100'000);  // between two of the fingerprint's samples
    damaged << "damage";
  }
  ASSERT_EQ(slide_fingerprint(a), slide_fingerprint(b));
  Rank rank(stage_, std::nullopt);
  rank.want(a);
  rank.want(b);
  ASSERT_TRUE(rank.comes(a) && rank.comes(b));
  EXPECT_EQ(bytes_of(rank.staged.path_of(a)), bytes_of(a));
  EXPECT_EQ(bytes_of(rank.staged.path_of(b)), bytes_of(b));
}

// The slides are copied in the order in which they were asked for: when the last one's copy is
// there, the fate of those before is known.
TEST_F(StagedSlidesTest, WhatCannotBeCopiedIsReadInPlace) {
  const std::string several = slide("a.MRXS");
  const std::string changed = slide("b.svs");
  const std::string gone = (slides_ / "c.svs").string();
  const std::string large = slide("d.svs", 5000);
  const std::string good = slide("e.svs");
  Rank rank(stage_, 4000);
  rank.want(several);
  rank.staged.want(changed, "0123456789abcdef", rank.user);
  rank.staged.want(gone, "0123456789abcdef", rank.user);
  rank.want(large);
  rank.want(good);
  ASSERT_TRUE(rank.comes(good));
  for (const std::string& path : {several, changed, gone, large})
    EXPECT_EQ(rank.staged.path_of(path), path);
  EXPECT_TRUE(in_the_end([&] { return rank.staged.copied().slides == 1; }));
}

TEST_F(StagedSlidesTest, ACopyIsKeptWhileItsSlideIsReadAndMakesWayAfterwards) {
  const std::string first = slide("a.svs");
  const std::string second = slide("b.svs");
  const std::string small = slide("c.svs", 100);
  Rank rank(stage_, 1100);
  rank.want(first);
  ASSERT_TRUE(rank.comes(first));
  const std::string copy = rank.staged.path_of(first);
  (void)rank.pool.get(copy, std::nullopt);  // the pool keeps it open
  rank.want(second);
  rank.want(small);
  ASSERT_TRUE(rank.comes(small));
  EXPECT_EQ(rank.staged.path_of(second), second) << "the first is in use";
  EXPECT_TRUE(fs::exists(copy));

  const auto later = std::make_shared<int>(0);
  rank.user.reset();
  rank.staged.want(second, slide_fingerprint(second), later);
  ASSERT_TRUE(rank.comes(second));
  EXPECT_FALSE(fs::exists(copy));
  EXPECT_EQ(rank.pool.open_slides(), 0U) << "a removed copy that is open still takes room";
}

TEST_F(StagedSlidesTest, ACopyThatFailsIsNotAskedAgain) {
  const std::string path = slide("a.svs");
  Rank rank(stage_, std::nullopt);
  rank.want(path);
  ASSERT_TRUE(rank.comes(path));
  rank.staged.distrust(path, "read error");
  EXPECT_EQ(rank.staged.path_of(path), path);
  rank.want(path);
  EXPECT_EQ(rank.staged.path_of(path), path);
}

TEST_F(StagedSlidesTest, ItsBufferIsInTheBudget) {
  Rank rank(stage_, std::nullopt);
  EXPECT_EQ(rank.budget.used_bytes(), StagedSlides::kBufferBytes);
  Budget tight(StagedSlides::kBufferBytes - 1);
  EXPECT_THROW(StagedSlides(stage_, 2, std::nullopt, tight, rank.pool), Error);
}

}  // namespace
}  // namespace tilepool
