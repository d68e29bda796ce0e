#include "common/base/process.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "common/base/system.h"

namespace tilepool {
namespace {

/// State letter and start time of /proc/<pid>/stat (proc(5), fields 3 and 22).
struct Stat {
  char state = 0;
  std::uint64_t start_ticks = 0;
};

std::optional<Stat> stat_of(std::int64_t pid) {
  std::ifstream stream(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const std::size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(name_end + 2);
  Stat stat;
  stat.state = rest[0];
  constexpr int kFieldsToStart = 19;
  for (int i = 0; i < kFieldsToStart; ++i) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  std::from_chars(rest.data(), rest.data() + rest.size(), stat.start_ticks);
  return stat;
}

std::string process_space() {
  std::ifstream stream("/proc/sys/kernel/random/boot_id");
  std::string boot;
  std::getline(stream, boot);
  std::error_code error;
  const auto space = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  return boot.empty() || error ? "" : boot + " " + space.string();
}

}  // namespace

ProcessName this_process() {
  ProcessName self{host_name(), process_space(), ::getpid(), 0};
  if (const auto stat = stat_of(self.pid)) self.start_ticks = stat->start_ticks;
  return self;
}

Life life_of(const ProcessName& process) {
  static const std::string here = process_space();
  if (here.empty() || process.space != here) return Life::kUnknown;
  const auto stat = stat_of(process.pid);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return Life::kDead;
  return stat->start_ticks == process.start_ticks ? Life::kAlive : Life::kDead;
}

}  // namespace tilepool
