#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace tilepool {

/// Tells on stderr, every few seconds, how far an export is, and ends it when it is asked to stop.
class ExportWatch {
 public:
  /// `stopped` is asked after every block of rows.
  explicit ExportWatch(std::function<bool()> stopped) : stopped_(std::move(stopped)) {}

  /// The rows that follow are of this format, `rows` of them in all.
  void begin(std::string format, std::uint64_t rows);
  /// `rows` more are done. Throws Error(kStopped) when a stop is asked for.
  void advance(std::uint64_t rows);

 private:
  using Clock = std::chrono::steady_clock;
  std::function<bool()> stopped_;
  std::string format_;
  std::uint64_t rows_ = 0, done_ = 0;
  Clock::time_point told_ = Clock::now();
};

}  // namespace tilepool
