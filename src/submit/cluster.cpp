#include "submit/cluster.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace tilepool {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end != std::string_view::npos) text.remove_prefix(end + 1);
  }
  return parts;
}

/// The whole of `text` as a number >= 0.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// "gpu:a100:4(S:0-1),gpu:2,nvme:1" -> 6.
std::optional<int> gpus_of(std::string_view gres) {
  std::int64_t sum = 0;
  for (std::string_view item : split(gres, ',')) {
    if (!item.starts_with("gpu:")) continue;
    item = item.substr(0, item.find('('));
    const auto count = whole_number(item.substr(item.rfind(':') + 1));
    if (!count || *count > 1024) return std::nullopt;
    sum += *count;
  }
  return static_cast<int>(sum);
}

/// Nodes in these states take jobs, now or when others have ended. '*': it does not answer.
bool takes_jobs(std::string_view state) {
  constexpr std::array kStates = {"idle",       "mixed",    "allocated", "completing",
                                  "planned",    "reserved", "idle~",     "idle#",
                                  "allocated+", "mixed~",   "allocated#"};
  return std::find(kStates.begin(), kStates.end(), state) != kStates.end();
}

[[noreturn]] void fail_line(std::string_view line) {
  fail(ErrorCode::kIo, "sinfo answered with a line that tilepool cannot read: {}",
       printable_utf8(line));
}

/// Adds what one line says.
void add_line(std::string_view line, std::vector<NodeGroup>& groups) {
  const auto fields = split(line, '|');
  if (fields.size() != 8) fail_line(line);
  const auto nodes = whole_number(fields[2]), cores = whole_number(fields[3]),
             memory = whole_number(fields[4]);
  const auto gpus = gpus_of(fields[5]);
  const auto limit = parse_slurm_time(fields[6]);
  const bool unlimited = fields[6] == "infinite" || fields[6] == "n/a";
  if (!nodes || !cores || !memory || !gpus || (!limit && !unlimited)) fail_line(line);
  if (fields[1] != "up" || !takes_jobs(fields[7])) return;
  NodeGroup group{.partition = std::string(fields[0])};
  group.is_default = group.partition.ends_with('*');
  if (group.is_default) group.partition.pop_back();
  group.nodes = static_cast<int>(*nodes);
  group.cores = static_cast<int>(*cores);
  group.memory_bytes = static_cast<std::size_t>(*memory) * kMiB;
  group.gpus = *gpus;
  group.time_limit_s = limit;
  groups.push_back(std::move(group));
}

}  // namespace

std::vector<std::string> sinfo_command() {
  // --exact: nodes that differ are not put into one line with a "+" behind the smallest number.
  return {"sinfo", "--noheader", "--exact", "--format=%P|%a|%D|%c|%m|%G|%l|%T"};
}

std::vector<NodeGroup> parse_sinfo(std::string_view text) {
  std::vector<NodeGroup> groups;
  for (const std::string_view line : split(text, '\n'))
    if (!trimmed(line).empty()) add_line(trimmed(line), groups);
  return groups;
}

std::optional<std::int64_t> parse_slurm_time(std::string_view text) {
  const std::size_t dash = text.find('-');
  const bool has_days = dash != std::string_view::npos;
  const auto days = has_days ? whole_number(text.substr(0, dash)) : 0;
  const auto parts = split(has_days ? text.substr(dash + 1) : text, ':');
  if (!days || *days > 10000 || parts.size() > 3) return std::nullopt;
  std::array<std::int64_t, 3> hms{};  // hours, minutes, seconds
  // Behind days hours come first; else a lone number is minutes, two are minutes and seconds.
  const std::size_t first = has_days || parts.size() == 3 ? 0 : 1;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto value = whole_number(parts[i]);
    if (!value || *value > 100'000'000) return std::nullopt;
    hms.at(first + i) = *value;
  }
  return *days * 86400 + hms[0] * 3600 + hms[1] * 60 + hms[2];
}

std::string format_slurm_time(std::int64_t seconds) {
  const std::int64_t days = seconds / 86400;
  return fmt::format("{}{:02}:{:02}:{:02}", days > 0 ? fmt::format("{}-", days) : "",
                     seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

std::optional<std::size_t> parse_slurm_memory(std::string_view text) {
  if (const auto mebibytes = whole_number(text); mebibytes && *mebibytes < (1 << 30))
    return static_cast<std::size_t>(*mebibytes) * kMiB;
  constexpr std::string_view kUnits = "KMGTkmgt";
  if (text.empty() || kUnits.find(text.back()) == std::string_view::npos) return std::nullopt;
  return parse_bytes(text);
}

std::string format_slurm_memory(std::size_t bytes) {
  // Whole gigabytes lose less than a tenth from here on.
  if (bytes % kGiB == 0 || bytes >= 10 * kGiB) return fmt::format("{}G", bytes / kGiB);
  return fmt::format("{}M", bytes / kMiB);
}

}  // namespace tilepool
