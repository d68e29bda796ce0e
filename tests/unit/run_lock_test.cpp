#include "common/run/run_lock.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/run/atomic_file.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

const auto kNever = [] { return false; };

class RunLockTest : public ::testing::Test {
 protected:
  /// A lock as a process elsewhere would have left it, its last beat `age_s` ago.
  void leave_lock(const ProcessName& process, int age_s) const {
    std::ofstream(layout_.lock()) << nlohmann::json{{"host", process.host},
                                                    {"space", process.space},
                                                    {"pid", process.pid},
                                                    {"start_ticks", process.start_ticks},
                                                    {"since", "2026-01-01T00:00:00.000Z"}};
    timespec times[2] = {};
    ::clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= age_s;
    times[1] = times[0];
    ::utimensat(AT_FDCWD, layout_.lock().c_str(), times, 0);
  }
  /// What the lock's constructor throws; empty when it is granted.
  [[nodiscard]] std::string refusal(const LockTimes& times) const {
    try {
      const RunLock lock(layout_, times, kNever);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStopped);
      return error.what();
    }
  }

  testing::TempFolder folder_;
  RunLayout layout_{folder_.path()};
};

TEST_F(RunLockTest, IsThereWhileHeldAndGoneAfterwards) {
  {
    const RunLock lock(layout_, {}, kNever);
    const auto holder = read_lock(layout_.lock());
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->process.pid, ::getpid());
    EXPECT_NO_THROW(lock.check_mine());
  }
  EXPECT_FALSE(std::filesystem::exists(layout_.lock()));
}

TEST_F(RunLockTest, ASecondMasterIsToldWhoHoldsIt) {
  const RunLock first(layout_, {}, kNever);
  const std::string refused = refusal({});
  EXPECT_NE(refused.find(fmt::format("process {}", ::getpid())), std::string::npos) << refused;
  EXPECT_NE(refused.find("since 20"), std::string::npos) << refused;
  EXPECT_NO_THROW(first.check_mine());
}

TEST_F(RunLockTest, OfADeadProcessOnThisHostIsTakenOverAtOnce) {
  ProcessName dead = this_process();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  dead.pid = child;
  leave_lock(dead, 0);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal({.stale_s = 60}), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_F(RunLockTest, AReusedProcessNumberIsNotTheOwner) {
  ProcessName other = this_process();
  other.start_ticks += 1;
  leave_lock(other, 0);
  EXPECT_EQ(refusal({.stale_s = 60}), "");
}

TEST_F(RunLockTest, OnAnotherHostWithAnOldBeatIsTakenOver) {
  leave_lock({"elsewhere", "another boot", 1, 1}, 100);
  EXPECT_EQ(refusal({.stale_s = 60}), "");
}

TEST_F(RunLockTest, OnAnotherHostWithoutANewBeatIsTakenOverAfterWaiting) {
  leave_lock({"elsewhere", "another boot", 1, 1}, 0);
  EXPECT_EQ(refusal({.stale_s = 1}), "");
}

TEST_F(RunLockTest, OnAnotherHostThatBeatsIsRespected) {
  leave_lock({"elsewhere", "another boot", 1, 1}, 0);
  std::atomic<bool> over{false};
  std::thread owner([&] {
    while (!over) {
      ::utimensat(AT_FDCWD, layout_.lock().c_str(), nullptr, 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  const std::string refused = refusal({.stale_s = 30});
  over = true;
  owner.join();
  EXPECT_NE(refused.find("elsewhere"), std::string::npos) << refused;
}

TEST_F(RunLockTest, WhoeverLostItNotices) {
  const RunLock sleeper(layout_, {}, kNever);
  std::filesystem::remove(layout_.lock());
  leave_lock({"elsewhere", "another boot", 1, 1}, 0);
  EXPECT_THROW(sleeper.check_mine(), Error);
}

TEST_F(RunLockTest, DoesNotRemoveAnothersLock) {
  {
    const RunLock sleeper(layout_, {}, kNever);
    std::filesystem::remove(layout_.lock());
    leave_lock({"elsewhere", "another boot", 1, 1}, 0);
  }
  EXPECT_TRUE(std::filesystem::exists(layout_.lock()));
}

TEST_F(RunLockTest, AWorkerSeesTheBeatAndItsEnd) {
  LockWatch watch(layout_);
  EXPECT_FALSE(watch.silent_s(0));
  {
    const RunLock lock(layout_, {.beat_s = 0.02}, kNever);
    EXPECT_EQ(watch.silent_s(10), 0.0);
    const auto begin = std::chrono::steady_clock::now();
    bool beat = false;
    while (!beat && std::chrono::steady_clock::now() - begin < std::chrono::seconds(20))
      beat = watch.silent_s(20) == 0.0;
    EXPECT_TRUE(beat);
  }
  EXPECT_FALSE(watch.silent_s(30));
}

// Many processes start at once on a lock whose owner is dead: exactly one gets it at a time.
TEST_F(RunLockTest, ARaceForADeadLockHasOneWinner) {
  ProcessName dead = this_process();
  dead.start_ticks += 1;
  leave_lock(dead, 0);
  constexpr int kRacers = 8;
  for (int i = 0; i < kRacers; ++i) {
    if (::fork() != 0) continue;
    int code = 1;
    try {
      const RunLock lock(layout_, {.stale_s = 60}, kNever);
      const int file =
          ::open((folder_.path() / "winner").c_str(), O_CREAT | O_EXCL | O_WRONLY, 0666);
      code = file >= 0 ? 0 : 2;  // 2: another one holds it too
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      std::filesystem::remove(folder_.path() / "winner");
    } catch (const Error&) {
    }
    ::_exit(code);
  }
  int winners = 0;
  int doubles = 0;
  for (int i = 0; i < kRacers; ++i) {
    int state = 0;
    ::wait(&state);
    winners += WEXITSTATUS(state) == 0 ? 1 : 0;
    doubles += WEXITSTATUS(state) == 2 ? 1 : 0;
  }
  EXPECT_GE(winners, 1);
  EXPECT_EQ(doubles, 0);
}

}  // namespace
}  // namespace tilepool
