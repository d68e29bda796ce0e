#include "common/run/stage_folder.h"

#include <fstream>
#include <functional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// Two folders of one key are two ranks: flock tells apart who opened a file, not which process.
class StageFolderTest : public ::testing::Test {
 protected:
  [[nodiscard]] StageFolder rank(std::optional<std::uint64_t> limit_bytes = std::nullopt,
                                 std::uint64_t run_key = 1) const {
    return {stage_.path(), run_key, limit_bytes};
  }
  /// A complete copy, written `age_s` ago.
  static void copy(StageFolder& folder, const std::string& name, std::uint64_t bytes, int age_s) {
    std::optional<StagePart> part = folder.reserve(name, bytes);
    ASSERT_TRUE(part);
    timespec times[2] = {};
    ::clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= age_s;
    times[1] = times[0];
    ::futimens(part->file.descriptor(), times);
    folder.publish(std::move(*part));
  }
  [[nodiscard]] bool there(const std::string& name) const {
    return fs::exists(stage_.path() / "tilepool-0000000000000001" / name);
  }
  [[nodiscard]] fs::path make_folder(const std::string& name) const {
    fs::create_directory(stage_.path() / name);
    return stage_.path() / name;
  }
  /// Does something in a process that then ends without a destructor.
  static void die_after(const std::function<void()>& what) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      what();
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  static ErrorCode code_of(const std::function<void()>& what) {
    try {
      what();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  }

  testing::TempFolder stage_;
};

TEST_F(StageFolderTest, OneRankMakesACopyAndAllUseIt) {
  StageFolder a = rank();
  StageFolder b = rank();
  std::optional<StagePart> part = a.reserve("x.svs", 5);
  ASSERT_TRUE(part);
  EXPECT_FALSE(b.reserve("x.svs", 5)) << "a makes it";
  EXPECT_FALSE(b.use("x.svs").valid()) << "it is not whole";
  ASSERT_EQ(::write(part->file.descriptor(), "pixel", 5), 5);
  a.publish(std::move(*part));
  part.reset();
  EXPECT_TRUE(b.use("x.svs").valid());
  EXPECT_TRUE(a.use("x.svs").valid());
  EXPECT_FALSE(b.reserve("x.svs", 5)) << "it is there";
  std::string text;
  std::ifstream(a.path() / "x.svs") >> text;
  EXPECT_EQ(text, "pixel");
}

TEST_F(StageFolderTest, ACopyThatIsGivenUpLeavesNothing) {
  StageFolder a = rank();
  StageFolder b = rank();
  a.reserve("x.svs", 100).reset();
  EXPECT_FALSE(there("x.svs.part"));
  EXPECT_TRUE(b.reserve("x.svs", 100));
}

TEST_F(StageFolderTest, ACopyInTheMakingCountsInFull) {
  StageFolder a = rank(300);
  StageFolder b = rank(300);
  const std::optional<StagePart> part = a.reserve("x.svs", 200);
  ASSERT_TRUE(part);
  EXPECT_EQ(code_of([&] { (void)b.reserve("y.svs", 101); }), ErrorCode::kBudget);
  EXPECT_TRUE(there("x.svs.part")) << "nobody takes what another makes";
  EXPECT_TRUE(b.reserve("y.svs", 100)) << "exactly the limit";
}

TEST_F(StageFolderTest, UnusedCopiesMakeWayTheOldestFirst) {
  StageFolder a = rank(300);
  StageFolder b = rank(300);
  copy(a, "old.svs", 100, 30);
  copy(a, "older.svs", 100, 40);
  copy(a, "oldest.svs", 100, 50);
  const FileLock used = b.use("oldest.svs");
  EXPECT_TRUE(a.reserve("new.svs", 100));
  EXPECT_TRUE(there("oldest.svs"));
  EXPECT_FALSE(there("older.svs"));
  EXPECT_TRUE(there("old.svs"));
  EXPECT_EQ(code_of([&] { (void)a.reserve("large.svs", 201); }), ErrorCode::kBudget);
  EXPECT_TRUE(there("oldest.svs"));
}

TEST_F(StageFolderTest, NothingMakesWayForWhatCanNeverFit) {
  StageFolder a = rank(300);
  copy(a, "x.svs", 100, 0);
  EXPECT_EQ(code_of([&] { (void)a.reserve("large.svs", 301); }), ErrorCode::kBudget);
  EXPECT_TRUE(there("x.svs"));
}

TEST_F(StageFolderTest, AFullDiskIsAnErrorThatLeavesNothing) {
  StageFolder a = rank(std::uint64_t{1} << 62);
  EXPECT_EQ(code_of([&] { (void)a.reserve("x.svs", std::uint64_t{1} << 55); }), ErrorCode::kIo);
  EXPECT_FALSE(there("x.svs.part"));
  StageFolder automatic = rank();
  EXPECT_EQ(code_of([&] { (void)automatic.reserve("x.svs", *free_bytes(stage_.path())); }),
            ErrorCode::kBudget)
      << "90 % of what is free";
}

TEST_F(StageFolderTest, TheLastOneThatLeavesRemovesTheFolder) {
  {
    StageFolder a = rank();
    {
      StageFolder b = rank();
      copy(b, "x.svs", 100, 0);
    }
    EXPECT_TRUE(there("x.svs")) << "a is still in";
  }
  EXPECT_TRUE(fs::is_empty(stage_.path()));
}

TEST_F(StageFolderTest, WhatDeadRunsLeftIsRemovedAndWhatLivesStays) {
  die_after([&] {
    StageFolder dead = rank(std::nullopt, 0xdead);
    copy(dead, "x.svs", 100, 0);
    ASSERT_TRUE(dead.reserve("y.svs", 100));
    ::_exit(0);
  });
  StageFolder alive = rank(std::nullopt, 0xa11e);
  EXPECT_FALSE(fs::exists(stage_.path() / "tilepool-000000000000dead"));
  copy(alive, "z.svs", 100, 0);
  const StageFolder other = rank();
  EXPECT_TRUE(fs::exists(alive.path() / "z.svs"));
}

TEST_F(StageFolderTest, TheSameRunComesBackAfterADeath) {
  die_after([&] {
    StageFolder dead = rank();
    copy(dead, "x.svs", 100, 0);
    ::_exit(0);
  });
  EXPECT_TRUE(there("x.svs"));
  const StageFolder again = rank();
  EXPECT_FALSE(again.use("x.svs").valid()) << "nobody knows whether it reached the disk";
}

TEST_F(StageFolderTest, ARankThatDiedWhileCopyingIsReplaced) {
  StageFolder alive = rank(100);
  die_after([&] {
    StageFolder dead = rank(100);
    const std::optional<StagePart> part = dead.reserve("x.svs", 100);
    ASSERT_TRUE(part);
    ::_exit(0);
  });
  EXPECT_TRUE(there("x.svs.part"));
  EXPECT_TRUE(alive.reserve("x.svs", 100));
}

TEST_F(StageFolderTest, NothingElseIsTouched) {
  std::ofstream(make_folder("tilepool-results") / "in_use") << "not by this program";
  std::ofstream(make_folder("tilepool-0000000000000002") / "precious") << "no in_use beside it";
  std::ofstream(make_folder("elsewhere") / "in_use") << "behind a link";
  fs::create_directory_symlink(stage_.path() / "elsewhere",
                               stage_.path() / "tilepool-0000000000000003");
  std::ofstream(stage_.path() / "tilepool-0000000000000004") << "a file";
  { const StageFolder a = rank(); }
  EXPECT_TRUE(fs::exists(stage_.path() / "tilepool-results/in_use"));
  EXPECT_TRUE(fs::exists(stage_.path() / "tilepool-0000000000000002/precious"));
  EXPECT_TRUE(fs::exists(stage_.path() / "tilepool-0000000000000003/in_use"));
  EXPECT_TRUE(fs::exists(stage_.path() / "tilepool-0000000000000004"));
  EXPECT_FALSE(fs::exists(stage_.path() / "tilepool-0000000000000001"));
}

TEST_F(StageFolderTest, ALinkInTheFolderIsRemovedAndNotFollowed) {
  const fs::path precious = make_folder("elsewhere") / "precious.svs";
  std::ofstream(precious) << "slide";
  {
    StageFolder a = rank();
    fs::create_symlink(precious, a.path() / "x.svs");
    EXPECT_FALSE(a.use("x.svs").valid());
  }
  EXPECT_TRUE(fs::exists(precious));
  EXPECT_FALSE(fs::exists(stage_.path() / "tilepool-0000000000000001"));
}

TEST_F(StageFolderTest, AFolderThatCannotHoldCopiesSaysWhy) {
  EXPECT_EQ(why_no_stage(stage_.path()), "");
  EXPECT_EQ(why_no_stage("/nowhere/scratch"), "/nowhere/scratch is not there");
  std::ofstream(stage_.path() / "file") << "x";
  EXPECT_EQ(why_no_stage(stage_.path() / "file"),
            (stage_.path() / "file").string() + " is no folder");
  EXPECT_EQ(why_no_stage("/proc/self").find("/proc/self cannot be written to: "), 0U);
  EXPECT_EQ(code_of([] { const StageFolder none("/nowhere/scratch", 1, std::nullopt); }),
            ErrorCode::kIo);
}

}  // namespace
}  // namespace tilepool
