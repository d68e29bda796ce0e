#include "common/base/error.h"

#include <algorithm>
#include <system_error>

#include "common/base/checked.h"

namespace tilepool {

void fail_overflow(const char* operation) {
  fail(ErrorCode::kInternal, "{} overflows its integer type", operation);
}

int exit_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kUsage:
      return 64;
    case ErrorCode::kConfig:
    case ErrorCode::kBudget:
      return 78;
    case ErrorCode::kNoInput:
      return 66;
    case ErrorCode::kSlide:
      return 3;
    case ErrorCode::kIo:
    case ErrorCode::kHdf5:
      return 74;
    case ErrorCode::kStopped:
      return 75;
    case ErrorCode::kMpi:
    case ErrorCode::kProtocol:
    case ErrorCode::kCuda:
    case ErrorCode::kNotBuilt:
    case ErrorCode::kInternal:
      return 70;
  }
  return 70;
}

std::string errno_text(int error_number) {
  return std::error_code(error_number, std::generic_category()).message();
}

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return line;
}

}  // namespace tilepool
