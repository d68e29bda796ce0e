#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/error.h"

namespace tilepool {

/// Sees to it that packing ends. A rank that dies in a collective holds up the others for ever;
/// nothing in MPI 3 tells them. So every rank watches its own progress (common/base/progress.h),
/// and a mark in the run directory: there while ranks pack together, and a place for a rank that
/// fails to say why, since it cannot speak to ranks inside a collective.
class PackGuard {
 public:
  using End = std::function<void(int code, const std::string& why)>;
  /// `end` is called from another thread, once, when there was no progress for limit_s (code 75), a
  /// rank told of its failure (its code), or `stop_asked` has been true for 40 s (75). It must end
  /// the process.
  PackGuard(std::filesystem::path mark, double limit_s, std::function<bool()> stop_asked, End end);
  ~PackGuard();
  PackGuard(const PackGuard&) = delete;
  PackGuard& operator=(const PackGuard&) = delete;
  /// Rank 0, before it makes its guard and calls the others: makes the mark, without a word in it.
  static void make_mark(const std::filesystem::path& mark);
  /// Any rank: tells the others why it cannot go on.
  void tell(const std::string& who, const Error& error) const;

 private:
  void watch(double limit_s, const std::function<bool()>& stop_asked, const End& end);
  const std::filesystem::path mark_;
  std::mutex mutex_;
  std::condition_variable over_;
  bool done_ = false;
  std::thread thread_;  // last: begins when the rest is there
};

}  // namespace tilepool
