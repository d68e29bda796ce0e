#include "common/base/fault.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

enum class Deed { kKill, kStop, kSegv, kExit, kHang, kSlow, kEio, kEnospc, kEdquot, kErofs };

struct Fault {
  FaultPoint point = FaultPoint::kRead;
  Deed deed = Deed::kKill;
  std::optional<std::uint64_t> index, nth;
  std::atomic<std::uint64_t> passes{0};
};

std::vector<std::unique_ptr<Fault>> armed;

constexpr std::array<std::pair<std::string_view, FaultPoint>, 9> kPoints{{
    {"scan", FaultPoint::kScan},
    {"strip", FaultPoint::kStrip},
    {"calibrate", FaultPoint::kCalibrate},
    {"read", FaultPoint::kRead},
    {"compute", FaultPoint::kCompute},
    {"write", FaultPoint::kWrite},
    {"commit", FaultPoint::kCommit},
    {"plan", FaultPoint::kPlan},
    {"pack", FaultPoint::kPack},
}};
constexpr std::array<std::pair<std::string_view, Deed>, 10> kDeeds{{
    {"kill", Deed::kKill},
    {"stop", Deed::kStop},
    {"segv", Deed::kSegv},
    {"exit", Deed::kExit},
    {"hang", Deed::kHang},
    {"slow", Deed::kSlow},
    {"eio", Deed::kEio},
    {"enospc", Deed::kEnospc},
    {"edquot", Deed::kEdquot},
    {"erofs", Deed::kErofs},
}};

template <class Table>
auto look_up(const Table& table, std::string_view name) {
  for (const auto& [key, value] : table)
    if (key == name) return value;
  fail(ErrorCode::kUsage, "TILEPOOL_FAULT: \"{}\" is no point or deed; see common/base/fault.h",
       name);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc{} && end == text.data() + text.size(), ErrorCode::kUsage,
        "TILEPOOL_FAULT: \"{}\" is no number", text);
  return value;
}

/// Cuts the first piece off `text`.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return piece;
}

/// nullptr: meant for another rank.
std::unique_ptr<Fault> parse_fault(std::string_view words, int rank) {
  auto fault = std::make_unique<Fault>();
  bool mine = true, has_point = false, has_deed = false;
  while (!words.empty()) {
    std::string_view value = cut(words, ' ');
    if (value.empty()) continue;
    const std::string_view key = cut(value, '=');
    if (key == "at") {
      fault->point = look_up(kPoints, value);
      has_point = true;
    } else if (key == "do") {
      fault->deed = look_up(kDeeds, value);
      has_deed = true;
    } else if (key == "rank") {
      mine = number(value) == static_cast<std::uint64_t>(rank);
    } else if (key == "index") {
      fault->index = number(value);
    } else if (key == "nth") {
      fault->nth = number(value);
    } else {
      fail(ErrorCode::kUsage, "TILEPOOL_FAULT: unknown key \"{}\"", key);
    }
  }
  check(has_point && has_deed, ErrorCode::kUsage, "TILEPOOL_FAULT: at= and do= are needed");
  return mine ? std::move(fault) : nullptr;
}

int commit_deed(Deed deed) {
  switch (deed) {
    case Deed::kKill:
      ::kill(::getpid(), SIGKILL);
      break;
    case Deed::kStop:
      ::kill(::getpid(), SIGSTOP);
      return 0;
    case Deed::kSegv:
      ::raise(SIGSEGV);
      break;
    case Deed::kExit:
      ::_exit(9);
    case Deed::kHang:
      break;
    case Deed::kSlow:
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      return 0;
    case Deed::kEio:
      return EIO;
    case Deed::kEnospc:
      return ENOSPC;
    case Deed::kEdquot:
      return EDQUOT;
    case Deed::kErofs:
      return EROFS;
  }
  for (;;) ::pause();
}

}  // namespace

bool detail::faults_armed = false;

int detail::pass_fault_point(FaultPoint point, std::uint64_t index) {
  for (const auto& fault : armed) {
    if (fault->point != point || (fault->index && *fault->index != index)) continue;
    const std::uint64_t pass = fault->passes.fetch_add(1) + 1;
    if (fault->nth && *fault->nth != pass) continue;
    if (const int error = commit_deed(fault->deed); error != 0) return error;
  }
  return 0;
}

void fault_point(FaultPoint point, std::uint64_t index) {
  if (!detail::faults_armed) return;
  if (const int error = detail::pass_fault_point(point, index); error != 0)
    fail(ErrorCode::kIo, "{} (errno {}), as TILEPOOL_FAULT asks", errno_text(error), error);
}

void arm_faults(int rank, std::string_view text) {
  armed.clear();
  while (!text.empty()) {
    const std::string_view one = cut(text, ';');
    if (one.find_first_not_of(' ') == std::string_view::npos) continue;
    if (auto fault = parse_fault(one, rank)) armed.push_back(std::move(fault));
  }
  detail::faults_armed = !armed.empty();
}

void arm_faults(int rank) {
  const char* const text = std::getenv("TILEPOOL_FAULT");
  arm_faults(rank, text == nullptr ? std::string_view() : std::string_view(text));
}

}  // namespace tilepool
