#include "report/clock.h"

#include <chrono>
#include <cstdio>

#include <fmt/core.h>

namespace tilepool {
namespace {

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
};

std::optional<Fields> split(std::string_view text) {
  Fields f;
  char zone = 0;
  const std::string copy(text.substr(0, 40));
  const int read = std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%lf%c", &f.year, &f.month, &f.day,
                               &f.hour, &f.minute, &f.second, &zone);
  if (read != 7 || zone != 'Z') return std::nullopt;
  return f;
}

}  // namespace

std::optional<double> parse_iso8601(std::string_view text) {
  const std::optional<Fields> f = split(text);
  if (!f) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(f->year),
                                         std::chrono::month(static_cast<unsigned>(f->month)),
                                         std::chrono::day(static_cast<unsigned>(f->day))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86400.0 + f->hour * 3600.0 + f->minute * 60.0 + f->second;
}

double unix_now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string readable_time(std::string_view iso8601) {
  const std::optional<Fields> f = split(iso8601);
  if (!f) return std::string(iso8601);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", f->year, f->month, f->day, f->hour,
                     f->minute, static_cast<int>(f->second));
}

}  // namespace tilepool
