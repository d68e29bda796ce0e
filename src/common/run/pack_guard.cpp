#include "common/run/pack_guard.h"

#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/base/progress.h"
#include "common/run/atomic_file.h"

namespace tilepool {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMarkBytes = 1024;
constexpr double kStopGrace_s = 40;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// "<code> <why>" or empty.
std::string word_in(const std::filesystem::path& mark) {
  std::ifstream stream(mark);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

}  // namespace

PackGuard::PackGuard(std::filesystem::path mark, double limit_s, std::function<bool()> stop_asked,
                     End end)
    : mark_(std::move(mark)),
      thread_([this, limit_s, stop = std::move(stop_asked), end = std::move(end)] {
        watch(limit_s, stop, end);
      }) {}

PackGuard::~PackGuard() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  over_.notify_one();
  thread_.join();
}

void PackGuard::watch(double limit_s, const std::function<bool()>& stop_asked, const End& end) {
  auto last_step = Clock::now();
  std::uint64_t steps = progress_so_far();
  std::optional<Clock::time_point> asked;
  std::unique_lock lock(mutex_);
  while (!over_.wait_for(lock, std::chrono::milliseconds(250), [&] { return done_; })) {
    if (std::exchange(steps, progress_so_far()) != progress_so_far()) last_step = Clock::now();
    if (!asked && stop_asked()) asked = Clock::now();
    int code = 75;
    if (const std::string word = word_in(mark_); !word.empty()) {
      std::from_chars(word.data(), word.data() + word.size(), code);
      return end(code, word.substr(word.find(' ') + 1));
    }
    if (asked && seconds_since(*asked) > kStopGrace_s) return end(code, "stopped while packing");
    if (seconds_since(last_step) > limit_s)
      return end(code, fmt::format("packing stood still for {:.0f} s: a rank may be dead",
                                   seconds_since(last_step)));
  }
}

// Blanks, so that a full disk still takes a word in their place.
void PackGuard::make_mark(const std::filesystem::path& mark) {
  write_file_atomically(mark, std::string(kMarkBytes, ' '));
}

void PackGuard::tell(const std::string& who, const Error& error) const {
  std::string word =
      fmt::format("{} {}: {}", exit_code_of(error.code()), who, one_line(error.what()));
  word.resize(std::min(word.size(), kMarkBytes));
  const int file = ::open(mark_.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return;  // the others then wait until their patience ends
  (void)!::pwrite(file, word.data(), word.size(), 0);
  ::fsync(file);
  ::close(file);
}

}  // namespace tilepool
