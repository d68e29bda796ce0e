#include "common/run/run_lock.h"

#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/run/atomic_file.h"
#include "common/run/json_integer.h"

namespace tilepool {
namespace {

// Opened, not only looked at: a network file system then asks its server for the time stamp.
std::optional<struct stat> fresh_stat(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  struct stat found {};
  const bool ok = ::fstat(descriptor, &found) == 0;
  ::close(descriptor);
  return ok ? std::optional(found) : std::nullopt;
}

std::string mark_of(const struct stat& file) {
  return fmt::format("{} {} {}.{:09}", file.st_dev, file.st_ino, file.st_mtim.tv_sec,
                     file.st_mtim.tv_nsec);
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// How long ago the file was written, by the clock of the file system that it lies on.
double age_s(const std::filesystem::path& file, const struct stat& found) {
  const auto probe = temporary_path(file);
  write_file_atomically(probe, "");
  const auto now = fresh_stat(probe);
  std::filesystem::remove(probe);
  if (!now) return 0;
  return static_cast<double>(now->st_mtim.tv_sec - found.st_mtim.tv_sec) +
         static_cast<double>(now->st_mtim.tv_nsec - found.st_mtim.tv_nsec) * 1e-9;
}

std::string describe(const std::optional<LockHolder>& holder) {
  if (!holder) return "a process that does not tell its name";
  return fmt::format("process {} on {}, since {}", holder->process.pid, holder->process.host,
                     holder->since);
}

[[noreturn]] void refuse(const std::filesystem::path& file,
                         const std::optional<LockHolder>& holder) {
  fail(ErrorCode::kStopped,
       "{} is being worked on by {}; wait for it, stop it, or use another --run-dir",
       file.parent_path().string(), describe(holder));
}

/// Watches the lock until it beats (true), or did not for stale_s or is gone (false).
bool beats(const std::filesystem::path& file, double stale_s,
           const std::function<bool()>& stopped) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto first = fresh_stat(file);
  if (!first) return false;
  while (std::chrono::duration<double>(Clock::now() - begin).count() < stale_s) {
    check(!stopped || !stopped(), ErrorCode::kStopped, "stopped while waiting for {}",
          file.string());
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const auto now = fresh_stat(file);
    if (!now) return false;
    if (mark_of(*now) != mark_of(*first)) return true;
  }
  return false;
}

}  // namespace

std::optional<LockHolder> read_lock(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(read_file(file));
    LockHolder holder;
    holder.process.host = json.at("host");
    holder.process.space = json.at("space");
    holder.process.pid = integer_of<std::int64_t>(json.at("pid"));
    holder.process.start_ticks = integer_of<std::uint64_t>(json.at("start_ticks"));
    holder.since = json.at("since");
    return holder;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  } catch (const Error&) {  // gone meanwhile
    return std::nullopt;
  }
}

RunLock::RunLock(const RunLayout& layout, const LockTimes& times,
                 const std::function<bool()>& stopped)
    : file_(layout.lock()) {
  while (!try_create()) {
    const auto found = fresh_stat(file_);
    if (!found) continue;
    const auto holder = read_lock(file_);
    const Life life = holder ? life_of(holder->process) : Life::kUnknown;
    if (life == Life::kDead) {
      log_warning("taking over {}: {} is dead", file_.string(), describe(holder));
      take_over(*found);
      continue;
    }
    const double age = age_s(file_, *found);
    if (life == Life::kAlive && age < times.stale_s) refuse(file_, holder);
    if (age < times.stale_s)
      log_warning("{} is held by {}; waiting up to {:.0f} s for a sign of life", file_.string(),
                  describe(holder), times.stale_s);
    if (age < times.stale_s && beats(file_, times.stale_s, stopped)) refuse(file_, holder);
    log_warning("taking over {}: {} gave no sign of life for {:.0f} s", file_.string(),
                describe(holder), std::max(age, times.stale_s));
    take_over(*found);
  }
  thread_ = std::thread([this, beat_s = times.beat_s] { beat(beat_s); });
}

bool RunLock::try_create() {
  descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    check(errno == EEXIST, ErrorCode::kIo, "cannot create {}: {}", file_.string(),
          errno_text(errno));
    return false;
  }
  const ProcessName self = this_process();
  const std::string text = nlohmann::json{{"host", self.host},
                                          {"space", self.space},
                                          {"pid", self.pid},
                                          {"start_ticks", self.start_ticks},
                                          {"since", iso8601_now()}}
                               .dump() +
                           "\n";
  if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    const int error = errno;
    ::unlink(file_.c_str());
    ::close(descriptor_);
    fail(ErrorCode::kIo, "cannot write {}: {} (errno {})", file_.string(), errno_text(error),
         error);
  }
  return true;
}

// Of several that judge the same lock dead, the one that makes the claim file removes the lock;
// then all race to make a new one. A claim whose maker died in between is dropped after a while.
void RunLock::take_over(const struct stat& judged) {
  const auto claim = file_.parent_path() /
                     fmt::format(".run.lock-claim-{}-{}", judged.st_ino, judged.st_mtim.tv_nsec);
  const int descriptor = ::open(claim.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    check(errno == EEXIST, ErrorCode::kIo, "cannot create {}: {}", claim.string(),
          errno_text(errno));
    constexpr double kForgotten_s = 10;
    const auto there = fresh_stat(claim);
    if (there && age_s(file_, *there) > kForgotten_s) ::unlink(claim.c_str());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return;
  }
  ::close(descriptor);
  const auto now = fresh_stat(file_);
  if (now && mark_of(*now) == mark_of(judged)) ::unlink(file_.c_str());
  ::unlink(claim.c_str());
}

bool RunLock::mine() const {
  struct stat own {};
  struct stat there {};
  return ::fstat(descriptor_, &own) == 0 && ::stat(file_.c_str(), &there) == 0 &&
         same_file(own, there);
}

void RunLock::check_mine() const {
  check(mine(), ErrorCode::kStopped, "{} was taken over by {}; this process gives way",
        file_.string(), describe(read_lock(file_)));
}

void RunLock::beat(double beat_s) {
  std::unique_lock lock(mutex_);
  while (!over_.wait_for(lock, std::chrono::duration<double>(beat_s), [&] { return done_; }))
    ::futimens(descriptor_, nullptr);
}

RunLock::~RunLock() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    over_.notify_one();
    thread_.join();
  }
  if (mine()) ::unlink(file_.c_str());
  ::close(descriptor_);
}

std::optional<double> LockWatch::silent_s(double now_s) {
  const auto found = fresh_stat(file_);
  if (!found) return std::nullopt;
  std::string mark = mark_of(*found);
  if (mark != seen_) {
    seen_ = std::move(mark);
    since_ = now_s;
  }
  return now_s - since_;
}

}  // namespace tilepool
