#include "export/export_watch.h"

#include "common/base/error.h"
#include "common/base/log.h"

namespace tilepool {
namespace {
constexpr std::chrono::seconds kTellEvery{5};
}

void ExportWatch::begin(std::string format, std::uint64_t rows) {
  format_ = std::move(format);
  rows_ = rows;
  done_ = 0;
}

void ExportWatch::advance(std::uint64_t rows) {
  check(!stopped_(), ErrorCode::kStopped,
        "stopped; files that were complete stand, an incomplete one was removed");
  done_ += rows;
  const Clock::time_point now = Clock::now();
  if (now - told_ < kTellEvery || rows_ == 0) return;
  told_ = now;
  log_info("{}: {} of {} rows ({:.0f} %)", format_, done_, rows_,
           100.0 * static_cast<double>(done_) / static_cast<double>(rows_));
}

}  // namespace tilepool
