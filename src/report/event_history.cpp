#include "report/event_history.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

#include <nlohmann/json.hpp>

#include "report/clock.h"

namespace tilepool {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

double number_of(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : 0;
}

/// Follows the lines of the file from one attempt to the next.
class Reader {
 public:
  void line(const Json& line) {
    const std::optional<double> time = parse_iso8601(text_of(line, "time"));
    if (!time) return;
    const std::string event = text_of(line, "event");
    if (event == "start" || history_.attempt_begins.empty()) begin_attempt(*time);
    const double now = attempt_offset_ + std::max(0.0, *time - attempt_start_);
    history_.end_s = std::max(history_.end_s, now);
    if (event == "planned") planned_s_ = now;
    if (event == "committed") commit(line, now);
    const std::string level = text_of(line, "level");
    if ((level == "error" || level == "warning") && event != "committed" && event != "end")
      note(line, event, level);
  }

  EventHistory take() { return std::move(history_); }

 private:
  void begin_attempt(double time) {
    attempt_start_ = time;
    attempt_offset_ = planned_s_ = history_.end_s;
    history_.attempt_begins.push_back(attempt_offset_);
    last_commit_.clear();
  }

  void commit(const Json& line, double now) {
    const int rank = static_cast<int>(number_of(line, "rank"));
    const auto [last, first_time] = last_commit_.try_emplace(rank, planned_s_);
    history_.commits.push_back({rank, std::min(last->second, now), now, number_of(line, "tiles"),
                                number_of(line, "cells")});
    last->second = now;
  }

  void note(const Json& line, const std::string& event, const std::string& level) {
    ++history_.n_noted;
    if (history_.noted.size() == kMostNoted) history_.noted.erase(history_.noted.begin());
    history_.noted.push_back({text_of(line, "time"), level,
                              static_cast<int>(number_of(line, "rank")), event,
                              text_of(line, "reason")});
  }

  EventHistory history_;
  double attempt_start_ = 0, attempt_offset_ = 0, planned_s_ = 0;
  std::map<int, double> last_commit_;
};

}  // namespace

EventHistory read_events(const std::filesystem::path& file) {
  std::ifstream stream(file);
  Reader reader;
  std::string text;
  while (std::getline(stream, text)) {
    const Json line = Json::parse(text, nullptr, false);
    if (line.is_object()) reader.line(line);
  }
  return reader.take();
}

std::vector<double> tile_rates(const EventHistory& history, int rank, std::size_t bins) {
  std::vector<double> rates(bins, 0.0);
  const double width = history.end_s / static_cast<double>(bins);
  if (!(width > 0)) return rates;
  const auto bin_of = [&](double t) {
    return std::min(bins - 1, static_cast<std::size_t>(std::max(0.0, t / width)));
  };
  for (const CommitEvent& commit : history.commits) {
    if (rank >= 0 && commit.rank != rank) continue;
    const double length = commit.to_s - commit.from_s;
    if (!(length > 0)) {
      rates[bin_of(commit.to_s)] += commit.tiles / width;
      continue;
    }
    for (std::size_t bin = bin_of(commit.from_s); bin <= bin_of(commit.to_s); ++bin) {
      const double begin = std::max(commit.from_s, static_cast<double>(bin) * width);
      const double end = std::min(commit.to_s, static_cast<double>(bin + 1) * width);
      rates[bin] += commit.tiles * std::max(0.0, end - begin) / length / width;
    }
  }
  return rates;
}

}  // namespace tilepool
