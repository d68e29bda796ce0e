#include "submit/time_limit.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/base/subprocess.h"
#include "submit/cluster.h"

namespace tilepool {
namespace {

std::optional<double> from_end_time() {
  const char* const variable = std::getenv("SLURM_JOB_END_TIME");
  if (variable == nullptr) return std::nullopt;
  const std::string_view text = variable;
  std::int64_t end = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), end);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(end) - std::chrono::duration<double>(now).count();
}

std::optional<double> from_squeue() {
  const char* const job = std::getenv("SLURM_JOB_ID");
  if (job == nullptr) return std::nullopt;
  SubprocessResult answer = run_subprocess({"squeue", "--noheader", "--jobs", job, "-o", "%L"}, "");
  if (answer.exit_code != 0) {
    log_warning("squeue does not tell how long Slurm job {} may still run; give run.max_runtime_s",
                job);
    return std::nullopt;
  }
  while (!answer.output.empty() && answer.output.back() <= ' ') answer.output.pop_back();
  const auto left = parse_slurm_time(answer.output);  // nullopt: UNLIMITED
  return left ? std::optional(static_cast<double>(*left)) : std::nullopt;
}

}  // namespace

std::optional<double> time_left_s(std::optional<double> max_runtime_s) {
  std::optional<double> left = from_end_time();
  if (!left) left = from_squeue();
  if (max_runtime_s) left = std::min(left.value_or(*max_runtime_s), *max_runtime_s);
  if (!left) return std::nullopt;
  return *left - std::clamp(*left / 20, 5.0, 60.0);
}

}  // namespace tilepool
