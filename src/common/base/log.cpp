#include "common/base/log.h"

#include <cstdlib>
#include <memory>
#include <string>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace tilepool {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// "warning: ", coloured by the sink; nothing for information.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    std::string_view word;
    if (message.level == spdlog::level::debug) word = "debug: ";
    if (message.level == spdlog::level::warn) word = "warning: ";
    if (message.level == spdlog::level::err) word = "error: ";
    message.color_range_start = out.size();
    out.append(word.data(), word.data() + word.size());
    message.color_range_end = out.size();
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<LevelFlag>();
  }
};

std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (colour_wanted(STDERR_FILENO))
    sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(spdlog::color_mode::always);
  else
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  const std::string prefix = options.rank < 0 ? "" : fmt::format("[rank {}] ", options.rank);
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<LevelFlag>('*').set_pattern(prefix + "%*%v");
  auto logger = std::make_shared<spdlog::logger>("tilepool", std::move(sink));
  logger->set_formatter(std::move(formatter));
  logger->set_level(level_of(options.level));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

}  // namespace

bool colour_wanted(int file_descriptor) {
  const char* const no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* const terminal = std::getenv("TERM");
  if (terminal == nullptr || std::string_view(terminal) == "dumb") return false;
  return isatty(file_descriptor) == 1;
}

void configure_log(const LogOptions& options) { spdlog::set_default_logger(make_logger(options)); }

void log_line(LogLevel level, std::string_view message) {
  static const bool configured = [] {
    if (spdlog::default_logger()->name() != "tilepool") configure_log({});
    return true;
  }();
  static_cast<void>(configured);
  spdlog::default_logger_raw()->log(level_of(level), spdlog::string_view_t(message));
}

}  // namespace tilepool
