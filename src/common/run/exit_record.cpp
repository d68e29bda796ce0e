#include "common/run/exit_record.h"

#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/run/atomic_file.h"

namespace tilepool {

void create_exit_record(const std::filesystem::path& file) {
  write_file_atomically(file, std::string(16, ' '));
}

std::optional<int> read_exit_record(const std::filesystem::path& file) {
  std::ifstream stream(file);
  int code = 0;
  if (stream >> code) return code;
  return std::nullopt;
}

// Safe in any thread at any moment, like leaving itself: one write of a few bytes in place.
void write_exit_record(int exit_code) {
  const char* const name = std::getenv(kExitRecordVariable);
  if (name == nullptr) return;
  const int file = ::open(name, O_WRONLY | O_CLOEXEC);
  if (file < 0) return;  // no longer asked for
  const std::string text = fmt::format("{:<16}", exit_code);
  (void)!::pwrite(file, text.data(), text.size(), 0);
  ::close(file);
}

}  // namespace tilepool
