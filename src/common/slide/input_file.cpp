#include "common/slide/input_file.h"

#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"

namespace tilepool {

InputFile::InputFile(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail(ErrorCode::kSlide, "cannot open {}: {}", path, errno_text(errno));
  struct ::stat status {};
  if (::fstat(descriptor_, &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t offset, std::span<std::uint8_t> bytes) const {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  check(offset <= kMost - bytes.size(), ErrorCode::kSlide, "no file has a byte {}", offset);
  while (!bytes.empty()) {
    const ::ssize_t got =
        ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(ErrorCode::kSlide, "cannot read at byte {}: {}", offset, errno_text(errno));
    check(got > 0, ErrorCode::kSlide, "the file ends before byte {}", offset + bytes.size());
    offset += static_cast<std::uint64_t>(got);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

void InputFile::will_need(std::uint64_t offset, std::uint64_t bytes) const {
  // Advice that a file system does not take changes nothing.
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes),
                        POSIX_FADV_WILLNEED);
}

}  // namespace tilepool
