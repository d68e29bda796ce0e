#include "common/base/system.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/units.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> environment_number(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : parse_number(value);
}

/// The first line of a file, nullopt when it cannot be read.
std::optional<std::string> first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  if (!std::getline(stream, line)) return std::nullopt;
  return line;
}

/// "VmHWM:    1234 kB" -> bytes.
std::optional<std::size_t> kilobyte_field(const fs::path& file, std::string_view name) {
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    const std::size_t digit = line.find_first_of("0123456789");
    if (digit == std::string::npos) return std::nullopt;
    const auto kilobytes = parse_number(std::string_view(line).substr(digit));
    if (kilobytes) return checked_mul<std::size_t>(*kilobytes, kKiB);
  }
  return std::nullopt;
}

/// mountinfo writes blanks in paths as \040 and the like (proc(5)).
std::string unescape_mount(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ptr == &text[i + 1] + 3) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// A mounted cgroup hierarchy.
struct CgroupMount {
  bool unified = false;     ///< cgroup v2
  std::string controllers;  ///< ",memory,cpu," of v1
  std::string root;         ///< path inside the hierarchy that is mounted
  std::string point;        ///< where
};

std::vector<CgroupMount> cgroup_mounts(const fs::path& root) {
  std::vector<CgroupMount> mounts;
  std::ifstream stream(root / "proc/self/mountinfo");
  std::string line;
  while (std::getline(stream, line)) {
    const std::size_t separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    std::istringstream before(line.substr(0, separator));
    std::istringstream after(line.substr(separator + 3));
    std::string skipped;
    std::string mount_root;
    std::string point;
    std::string type;
    std::string source;
    std::string options;
    before >> skipped >> skipped >> skipped >> mount_root >> point;
    after >> type >> source >> options;
    if (type != "cgroup" && type != "cgroup2") continue;
    mounts.push_back({type == "cgroup2", "," + options + ",", unescape_mount(mount_root),
                      unescape_mount(point)});
  }
  return mounts;
}

/// The folders that may limit this process in `mount`, its own first, the mount point last.
/// `group` is its path in the hierarchy.
std::vector<fs::path> ancestors(const CgroupMount& mount, const std::string& group,
                                const fs::path& root) {
  const fs::path top = root / fs::path(mount.point).relative_path();
  fs::path inside = fs::path(group).lexically_relative(mount.root).lexically_normal();
  // A group outside of what is mounted here (another namespace): only the mount point is visible.
  if (inside.empty() || *inside.begin() == "..") inside = ".";
  std::vector<fs::path> folders;
  for (fs::path at = inside; !at.empty() && at != "."; at = at.parent_path())
    folders.push_back(top / at);
  folders.push_back(top);
  return folders;
}

template <class T>
void lower(std::optional<T>& least, std::optional<T> other) {
  if (other && (!least || *other < *least)) least = other;
}

/// v1 writes "no limit" as the largest multiple of the page size below 2^63.
std::optional<std::size_t> memory_limit_in(const fs::path& folder, bool unified) {
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 60;
  const auto line = first_line(folder / (unified ? "memory.max" : "memory.limit_in_bytes"));
  const auto value = line ? parse_number(*line) : std::nullopt;
  return value && *value < kUnlimited ? std::optional<std::size_t>(*value) : std::nullopt;
}

std::optional<double> cpu_limit_in(const fs::path& folder, bool unified) {
  std::optional<std::uint64_t> quota;
  std::optional<std::uint64_t> period;
  if (unified) {
    const auto line = first_line(folder / "cpu.max");  // "max 100000" or "150000 100000"
    if (!line) return std::nullopt;
    const std::size_t blank = line->find(' ');
    quota = parse_number(*line);
    if (blank != std::string::npos)
      period = parse_number(std::string_view(*line).substr(blank + 1));
  } else {
    const auto quota_line = first_line(folder / "cpu.cfs_quota_us");  // -1: no limit
    const auto period_line = first_line(folder / "cpu.cfs_period_us");
    if (quota_line) quota = parse_number(*quota_line);
    if (period_line) period = parse_number(*period_line);
  }
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<std::size_t> slurm_memory() {
  if (const auto per_node = environment_number("SLURM_MEM_PER_NODE"); per_node && *per_node > 0)
    return checked_mul<std::size_t>(*per_node, kMiB);
  const auto per_cpu = environment_number("SLURM_MEM_PER_CPU");
  const auto cpus = environment_number("SLURM_CPUS_ON_NODE");
  if (per_cpu && *per_cpu > 0 && cpus && *cpus > 0)
    return checked_mul(checked_mul<std::size_t>(*per_cpu, *cpus), kMiB);
  return std::nullopt;
}

std::size_t required_field(const char* name) {
  const auto bytes = kilobyte_field("/proc/self/status", name);
  check(bytes.has_value(), ErrorCode::kIo, "/proc/self/status has no {}; is /proc mounted?", name);
  return *bytes;
}

int cores_of_affinity() {
  // A mask for 8192 cores: the default cpu_set_t ends at 1024.
  std::array<cpu_set_t, 8> mask{};
  if (sched_getaffinity(0, sizeof(mask), mask.data()) != 0)
    return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  return std::max(1, CPU_COUNT_S(sizeof(mask), mask.data()));
}

}  // namespace

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  check(gethostname(name.data(), name.size() - 1) == 0, ErrorCode::kIo, "gethostname: {}",
        errno_text(errno));
  return name.data();
}

fs::path own_program() {
  const char* const named = std::getenv("TILEPOOL_PROGRAM");
  if (named != nullptr && *named == '/') return named;
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  check(!error, ErrorCode::kIo, "cannot read /proc/self/exe ({}); is /proc mounted?",
        error.message());
  return program;
}

CgroupLimits cgroup_limits(const fs::path& root) {
  CgroupLimits limits;
  const auto mounts = cgroup_mounts(root);
  std::ifstream groups(root / "proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {  // "0::/user.slice" (v2), "4:memory:/slurm/job_1" (v1)
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    const bool memory = unified || controllers.find(",memory,") != std::string::npos;
    const bool cpu = unified || controllers.find(",cpu,") != std::string::npos;
    for (const CgroupMount& mount : mounts) {
      if (mount.unified != unified) continue;
      const bool here_memory = unified || mount.controllers.find(",memory,") != std::string::npos;
      const bool here_cpu = unified || mount.controllers.find(",cpu,") != std::string::npos;
      for (const fs::path& folder : ancestors(mount, line.substr(second + 1), root)) {
        if (memory && here_memory) lower(limits.memory_bytes, memory_limit_in(folder, unified));
        if (cpu && here_cpu) lower(limits.cpu_cores, cpu_limit_in(folder, unified));
      }
    }
  }
  return limits;
}

int gpus_granted() {
  return checked_cast<int>(environment_number("SLURM_GPUS_ON_NODE").value_or(0));
}

int cpu_cores_granted() {
  const int cores = cores_of_affinity();
  const auto quota = cgroup_limits().cpu_cores;
  if (!quota || *quota >= cores) return cores;
  return std::max(1, static_cast<int>(std::ceil(*quota)));
}

MemoryLimits memory_limits() {
  return {cgroup_limits().memory_bytes, slurm_memory(),
          kilobyte_field("/proc/meminfo", "MemAvailable")};
}

std::size_t memory_limit_bytes() {
  const MemoryLimits limits = memory_limits();
  std::optional<std::size_t> least = limits.cgroup;
  lower(least, limits.slurm);
  lower(least, limits.available);
  check(least.has_value(), ErrorCode::kIo,
        "cannot tell how much memory there is (no cgroup limit, no MemAvailable in /proc/meminfo); "
        "set /memory/host_per_rank");
  return *least;
}

std::size_t peak_rss_bytes() { return required_field("VmHWM"); }
std::size_t rss_bytes() { return required_field("VmRSS"); }

std::string make_uuid4() {
  std::random_device random;
  std::array<std::uint32_t, 4> words{};
  for (auto& word : words) word = random();
  words[1] = (words[1] & 0xffff0fffU) | 0x00004000U;  // version 4 (RFC 9562)
  words[2] = (words[2] & 0x3fffffffU) | 0x80000000U;  // variant 10
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16,
                     words[1] & 0xffffU, words[2] >> 16, words[2] & 0xffffU, words[3]);
}

std::string iso8601_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     since.count() % 1000);
}

}  // namespace tilepool
