// What a run needs to survive a loss: injected faults, notes of crashes, the exit record, the guard
// of a collective pack, the launcher's command line.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/crash_note.h"
#include "common/base/error.h"
#include "common/base/fault.h"
#include "common/base/process.h"
#include "common/base/progress.h"
#include "common/model/gpu_share.h"
#include "common/run/exit_record.h"
#include "common/run/pack_guard.h"
#include "launch/mpirun.h"
#include "master/crash_notes.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

TEST(Fault, StrikesAtItsPassIndexAndRankOnly) {
  arm_faults(2, "at=read do=eio rank=2 index=7 nth=2; at=read do=enospc rank=3");
  EXPECT_NO_THROW(fault_point(FaultPoint::kRead, 7));
  EXPECT_NO_THROW(fault_point(FaultPoint::kRead, 8));
  EXPECT_NO_THROW(fault_point(FaultPoint::kCompute, 7));
  try {
    fault_point(FaultPoint::kRead, 7);
    FAIL() << "the second pass is to fail";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_NE(std::string(error.what()).find("errno 5"), std::string::npos) << error.what();
  }
  EXPECT_NO_THROW(fault_point(FaultPoint::kRead, 7));
  arm_faults(2, "");
}

TEST(Fault, NonsenseIsRefused) {
  for (const char* text : {"at=read", "do=kill", "at=lunch do=kill", "at=read do=nothing",
                           "at=read do=kill rank=x", "at=read do=kill who=me"})
    EXPECT_THROW(arm_faults(0, text), Error) << text;
}

TEST(Process, LivesDiesAndIsUnknownElsewhere) {
  EXPECT_EQ(life_of(this_process()), Life::kAlive);
  ProcessName other = this_process();
  other.start_ticks += 1;
  EXPECT_EQ(life_of(other), Life::kDead);
  other = this_process();
  other.space = "elsewhere";
  EXPECT_EQ(life_of(other), Life::kUnknown);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);  // a zombie now
  other = this_process();
  other.pid = child;
  EXPECT_EQ(life_of(other), Life::kDead);
  ::waitpid(child, nullptr, 0);
}

/// Runs `crash` in a child with something in hand; returns the signal that ended it.
template <class Crash>
int crash_of(const std::filesystem::path& note, const Crash& crash) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int signal : {SIGSEGV, SIGABRT}) ::signal(signal, SIG_DFL);  // not a sanitizer's
    write_crash_note_to(note, 3);
    crash();
    ::_exit(0);
  }
  int state = 0;
  ::waitpid(child, &state, 0);
  return WIFSIGNALED(state) ? WTERMSIG(state) : 0;
}

TEST(CrashNote, NamesWhatWasInHandAndTheProcessDiesAsItWouldHave) {
  const testing::TempFolder folder;
  const int signal = crash_of(folder.path() / "note", [] {
    const InHand work(static_cast<std::uint32_t>(WorkKind::kRange), 1, 12345678901ULL);
    std::thread innocent([] { const InHand other(1, 0, 5); });
    innocent.join();
    ::raise(SIGSEGV);
  });
  EXPECT_EQ(signal, SIGSEGV);
  const auto notes = read_crash_notes(folder.path());
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].kind, WorkKind::kRange);
  EXPECT_EQ(notes[0].generation, 1U);
  EXPECT_EQ(notes[0].index, 12345678901ULL);
  EXPECT_EQ(notes[0].signal, SIGSEGV);
  EXPECT_EQ(notes[0].rank, 3);
}

TEST(CrashNote, NothingInHandLeavesNone) {
  const testing::TempFolder folder;
  EXPECT_EQ(crash_of(folder.path() / "note", [] { ::raise(SIGABRT); }), SIGABRT);
  EXPECT_TRUE(read_crash_notes(folder.path()).empty());
}

TEST(CrashNotes, SingleOutSuspectsAndGiveUpTheHopeless) {
  std::vector<CrashNote> hopeless;
  const auto work =
      single_out({{0, 10, 0}, {20, 22, 0}},
                 {{.index = 4}, {.index = 20}, {.index = 20}, {.index = 15}}, 2, hopeless);
  ASSERT_EQ(work.size(), 4U);
  EXPECT_EQ(work[0].last, 4U);
  EXPECT_EQ(work[1].first, 4U);
  EXPECT_EQ(work[1].last, 5U);
  EXPECT_EQ(work[1].attempts, 1U);
  EXPECT_EQ(work[2].first, 5U);
  EXPECT_EQ(work[2].attempts, 0U);
  EXPECT_EQ(work[3].first, 21U);
  ASSERT_EQ(hopeless.size(), 1U);
  EXPECT_EQ(hopeless[0].index, 20U);
}

TEST(CrashNotes, HalfWrittenOnesAreIgnored) {
  const testing::TempFolder folder;
  std::ofstream(folder.path() / "half") << "3 0 1";
  std::ofstream(folder.path() / "empty");
  EXPECT_TRUE(read_crash_notes(folder.path()).empty());
  EXPECT_TRUE(read_crash_notes(folder.path() / "missing").empty());
}

TEST(ExitRecord, IsEmptyUntilTheRunSaysItsCode) {
  const testing::TempFolder folder;
  const auto file = folder.path() / "record";
  create_exit_record(file);
  EXPECT_FALSE(read_exit_record(file));
  ::setenv(kExitRecordVariable, file.c_str(), 1);
  write_exit_record(75);
  EXPECT_EQ(read_exit_record(file), 75);
  write_exit_record(3);
  EXPECT_EQ(read_exit_record(file), 3);
  ::unsetenv(kExitRecordVariable);
}

/// What a guard says within 20 s; 0 when it says nothing while `work` runs.
template <class Work>
std::pair<int, std::string> verdict(const std::filesystem::path& mark, double limit_s,
                                    const Work& work) {
  std::atomic<int> code{0};
  std::string why;
  PackGuard::make_mark(mark);
  {
    const PackGuard guard(
        mark, limit_s, [] { return false; },
        [&](int ended, const std::string& reason) {
          why = reason;
          code = ended;
        });
    work(guard, code);
  }
  return {code, why};
}

template <class Condition>
void wait_until(const Condition& condition) {
  const auto begin = std::chrono::steady_clock::now();
  while (!condition() && std::chrono::steady_clock::now() - begin < std::chrono::seconds(20))
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

TEST(PackGuard, EndsARankWithoutProgress) {
  const testing::TempFolder folder;
  const auto [code, why] = verdict(folder.path() / "mark", 0.5, [](auto&, auto& said) {
    wait_until([&] { return said != 0; });
  });
  EXPECT_EQ(code, 75);
  EXPECT_NE(why.find("stood still"), std::string::npos) << why;
}

TEST(PackGuard, IsQuietWhileThereIsProgress) {
  const testing::TempFolder folder;
  const auto begin = std::chrono::steady_clock::now();
  const auto [code, why] = verdict(folder.path() / "mark", 1.5, [&](auto&, auto&) {
    while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(3)) {
      note_progress();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  EXPECT_EQ(code, 0) << why;
}

TEST(PackGuard, PassesAnotherRanksFailureOn) {
  const testing::TempFolder folder;
  const auto [code, why] = verdict(folder.path() / "mark", 60, [](auto& guard, auto& said) {
    guard.tell("rank 2 on b", Error(ErrorCode::kIo, "cannot write: No space left on device"));
    wait_until([&] { return said != 0; });
  });
  EXPECT_EQ(code, 74);
  EXPECT_EQ(why, "rank 2 on b: cannot write: No space left on device");
}

bool has(const std::vector<std::string>& line, const std::string& word) {
  return std::find(line.begin(), line.end(), word) != line.end();
}

TEST(Mpirun, EachVersionGetsTheFlagsThatSurviveADeath) {
  const Mpirun four = parse_mpirun_version("mpirun", "mpirun (Open MPI) 4.1.4\n\nReport bugs");
  EXPECT_EQ(four.version(), "4.1.4");
  EXPECT_EQ(four.tier(), MpiTier::kRecovery);
  auto line = mpirun_command(four, {3, "", {}}, false, {"A"}, {"tilepool", "run"});
  EXPECT_TRUE(has(line, "--enable-recovery"));
  EXPECT_TRUE(has(line, "--oversubscribe"));
  EXPECT_EQ(line.back(), "run");

  const Mpirun five = parse_mpirun_version("mpirun", "mpirun (Open MPI) 5.0.3\n");
  EXPECT_EQ(five.tier(), MpiTier::kUlfm);
  line = mpirun_command(five, {3, "hosts", {}}, false, {}, {"tilepool"});
  EXPECT_TRUE(has(line, "--with-ft"));
  EXPECT_TRUE(has(line, "hosts"));
  EXPECT_FALSE(has(line, "--enable-recovery"));
  EXPECT_FALSE(has(line, "--oversubscribe"));

  const Mpirun other = parse_mpirun_version("mpirun", "HYDRA build details:\n Version: 4.0.2");
  EXPECT_EQ(other.tier(), MpiTier::kPlain);
  EXPECT_FALSE(has(mpirun_command(other, {3, "", {"a:1"}}, true, {}, {}), "--enable-recovery"));
}

TEST(GpuShare, RanksOfANodeTakeTurns) {
  EXPECT_EQ(gpu_of_rank(0, 4), 0);
  EXPECT_EQ(gpu_of_rank(5, 4), 1);
}

TEST(GpuShare, ToShareIsAMistakeOnlyWhileAnotherCardIdles) {
  // One rank a card, and more ranks than cards.
  EXPECT_EQ(gpu_sharing_problem({{1, "a", "GPU-1", 2, 2}, {2, "a", "GPU-2", 2, 2}}), "");
  EXPECT_EQ(gpu_sharing_problem({{1, "a", "GPU-1", 1, 1}, {2, "a", "GPU-1", 1, 1}}), "");
  // The CPU computes; two nodes with cards of their own.
  EXPECT_EQ(gpu_sharing_problem({{1, "a", "", 0, 4}, {2, "a", "", 0, 4}}), "");
  EXPECT_EQ(gpu_sharing_problem({{1, "a", "GPU-1", 1, 1}, {2, "b", "GPU-2", 1, 1}}), "");
  // --gpus-per-task=1: each sees one card, the same, of the four that the job has there.
  const std::string problem =
      gpu_sharing_problem({{1, "a", "GPU-1", 1, 4}, {2, "a", "GPU-1", 1, 4}});
  EXPECT_NE(problem.find("--gpus-per-task"), std::string::npos) << problem;
  EXPECT_NE(problem.find("--gpus-per-node=4"), std::string::npos) << problem;
  EXPECT_NE(problem.find("ranks 1, 2"), std::string::npos) << problem;
}

}  // namespace
}  // namespace tilepool
