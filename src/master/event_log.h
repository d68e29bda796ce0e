#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tilepool {

/// events.jsonl: one JSON object a line, appended and written through at once, so that the last
/// line of a killed run tells what it was doing. A log that cannot be written stops nothing: the
/// first failure is told on stderr.
class EventLog {
 public:
  using Value = std::variant<std::int64_t, double, std::string>;
  using Field = std::pair<std::string_view, Value>;

  EventLog(const std::filesystem::path& file, std::string host);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// Writes {"time": ..., "level": ..., "rank": ..., "host": ..., "event": ..., fields...}.
  void write(std::string_view level, int rank, std::string_view event,
             std::initializer_list<Field> fields);

 private:
  int file_ = -1;
  std::string host_;
  bool told_ = false;
};

}  // namespace tilepool
