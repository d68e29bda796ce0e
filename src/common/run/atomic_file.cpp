#include "common/run/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <random>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/fault.h"

namespace tilepool {
namespace {

[[noreturn]] void fail_errno(std::string_view verb, const std::filesystem::path& path) {
  const int error = errno;
  fail(ErrorCode::kIo, "cannot {} {}: {} (errno {})", verb, path.string(), errno_text(error),
       error);
}

/// Owner of a file descriptor.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, std::string_view verb)
      : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) fail_errno(verb, path);
  }
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }
  void sync() {
    // Some network file systems refuse fsync on folders; the rename itself stands.
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail_errno("sync", path_);
  }
  void close() {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail_errno("close", path_);
  }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

void write_parts(const std::filesystem::path& path, std::initializer_list<std::string_view> parts) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC, "create");
  for (const std::string_view bytes : parts) write_all(file.get(), bytes, path);
  file.close();
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// Differs between processes on any host, and between calls.
std::uint32_t fresh_number() {
  static std::atomic<std::uint32_t> count{0};
  static const std::uint32_t start = std::random_device{}();
  return start + count.fetch_add(1);
}

constexpr std::string_view kTemporaryMark = ".tmp-";

}  // namespace

void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put == 0) errno = ENOSPC;
    if (put <= 0) fail_errno("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

std::filesystem::path temporary_path(const std::filesystem::path& final_path) {
  const std::filesystem::path folder = folder_of(final_path);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error || std::filesystem::is_directory(folder), ErrorCode::kIo,
        "cannot make the folder {}: {}", folder.string(), error.message());
  return folder / fmt::format(".{}{}{}-{:08x}", final_path.filename().string(), kTemporaryMark,
                              ::getpid(), fresh_number());
}

void commit_file(const std::filesystem::path& temp, const std::filesystem::path& final_path) {
  fault_point(FaultPoint::kCommit, 0);
  {
    Descriptor file(temp, O_RDONLY, "open");
    file.sync();
    file.close();
  }
  if (::rename(temp.c_str(), final_path.c_str()) != 0) fail_errno("rename to", final_path);
  Descriptor folder(folder_of(final_path), O_RDONLY | O_DIRECTORY, "open");
  folder.sync();
  folder.close();
}

AtomicFile::AtomicFile(std::filesystem::path final_path)
    : final_(std::move(final_path)), temp_(temporary_path(final_)) {}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temp_.c_str());
}

void AtomicFile::commit() {
  commit_file(temp_, final_);
  committed_ = true;
}

void write_file_atomically(const std::filesystem::path& path,
                           std::initializer_list<std::string_view> parts) {
  AtomicFile file(path);
  write_parts(file.temp(), parts);
  file.commit();
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  write_file_atomically(path, {bytes});
}

std::string read_file(const std::filesystem::path& path) {
  Descriptor file(path, O_RDONLY, "open");
  std::string bytes;
  std::vector<char> block(std::size_t{1} << 16);
  while (true) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno("read", path);
    if (got == 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(got));
  }
}

std::size_t remove_temporaries(const std::filesystem::path& folder) {
  std::size_t removed = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') || name.find(kTemporaryMark) == std::string::npos) continue;
    if (::unlink(entry.path().c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace tilepool
