#include "master/event_log.h"

#include <cerrno>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"

namespace tilepool {

EventLog::EventLog(const std::filesystem::path& file, std::string host)
    : file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)),
      host_(std::move(host)) {
  check(file_ >= 0, ErrorCode::kIo, "cannot write {}: {}", file.string(), errno_text(errno));
}

EventLog::~EventLog() { ::close(file_); }

void EventLog::write(std::string_view level, int rank, std::string_view event,
                     std::initializer_list<Field> fields) {
  nlohmann::ordered_json line = {
      {"time", iso8601_now()}, {"level", level}, {"rank", rank}, {"host", host_}, {"event", event}};
  for (const Field& field : fields)
    std::visit([&](const auto& value) { line[std::string(field.first)] = value; }, field.second);
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  if (::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size()) || told_)
    return;
  told_ = true;
  log_warning("events.jsonl cannot be written: {}; the run goes on without it", errno_text(errno));
}

}  // namespace tilepool
