#include "time_limit.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "common/base/log.h"

namespace tilepool {
namespace {

std::optional<double> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<double> from_end_time() {
  const char* const text = std::getenv("SLURM_JOB_END_TIME");
  if (text == nullptr) return std::nullopt;
  const auto end = number(text);
  if (!end) return std::nullopt;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return *end - std::chrono::duration<double>(now).count();
}

std::optional<double> from_squeue() {
  const char* const job = std::getenv("SLURM_JOB_ID");
  if (job == nullptr || !number(job)) return std::nullopt;
  const std::string command = fmt::format("squeue -h -j {} -o %L 2>/dev/null", job);
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::array<char, 64> line{};
  const bool got = std::fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr;
  ::pclose(pipe);
  if (!got) {
    log_warning("squeue does not tell how long Slurm job {} may still run; give run.max_runtime_s",
                job);
    return std::nullopt;
  }
  std::string_view text = line.data();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return parse_slurm_time(text);
}

}  // namespace

std::optional<double> parse_slurm_time(std::string_view text) {
  double seconds = 0;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    const auto days = number(text.substr(0, dash));
    if (!days) return std::nullopt;
    seconds = *days * 24;  // hours, so far
    text.remove_prefix(dash + 1);
    if (std::count(text.begin(), text.end(), ':') != 2) return std::nullopt;
  }
  int fields = 0;
  for (;; ++fields) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    const auto value = number(text.substr(0, colon));
    if (!value || *value < 0) return std::nullopt;
    seconds = (fields == 0 ? seconds : seconds * 60) + *value;
    if (colon == text.size()) break;
    text.remove_prefix(colon + 1);
  }
  if (fields < 1 || fields > 2) return std::nullopt;
  return seconds;
}

std::optional<double> time_left_s(std::optional<double> max_runtime_s) {
  std::optional<double> left = from_end_time();
  if (!left) left = from_squeue();
  if (max_runtime_s) left = std::min(left.value_or(*max_runtime_s), *max_runtime_s);
  if (!left) return std::nullopt;
  return *left - std::clamp(*left / 20, 5.0, 60.0);
}

}  // namespace tilepool
