#include "bench/file_rate.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/units.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kBlock = kMiB;
constexpr std::uint64_t kMostInOrder = 256 * kMiB;  // of one repeat
constexpr int kRepeats = 5;
constexpr int kReadsOfARepeat = 16;

/// A descriptor without what the page cache remembers for it.
class ColdFile {
 public:
  explicit ColdFile(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY)) {
    check(descriptor_ >= 0, ErrorCode::kSlide, "cannot open it: {}", errno_text(errno));
    struct stat about {};
    if (::fstat(descriptor_, &about) == 0) size_ = static_cast<std::uint64_t>(about.st_size);
  }
  ~ColdFile() { ::close(descriptor_); }
  ColdFile(const ColdFile&) = delete;
  ColdFile& operator=(const ColdFile&) = delete;

  [[nodiscard]] std::uint64_t size() const { return size_; }
  void forget(std::uint64_t offset, std::uint64_t bytes) const {
    ::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes),
                    POSIX_FADV_DONTNEED);
  }
  /// The bytes that were read; 0 at the end.
  std::uint64_t read(std::uint64_t offset, std::vector<std::uint8_t>& into) const {
    const ssize_t n = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    check(n >= 0, ErrorCode::kSlide, "cannot read it: {}", errno_text(errno));
    return static_cast<std::uint64_t>(n);
  }

 private:
  int descriptor_;
  std::uint64_t size_ = 0;
};

/// Sebastiano Vigna's splitmix64: the same places in every measurement.
std::uint64_t mixed(std::uint64_t n) {
  n *= 0x9e3779b97f4a7c15U;
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9U;
  n = (n ^ (n >> 27)) * 0x94d049bb133111ebU;
  return n ^ (n >> 31);
}

/// Reads on from `at`, at the file's end from its beginning, for `seconds`; returns the rate.
double read_in_order(const ColdFile& file, std::uint64_t& at, double seconds, const StopAsked& stop,
                     std::uint64_t& total) {
  std::vector<std::uint8_t> block(kBlock);
  const std::uint64_t most = std::min(kMostInOrder, file.size());
  file.forget(0, 0);  // all of it
  std::uint64_t bytes = 0;
  const auto begin = BenchClock::now();
  while (bytes < most && (bytes == 0 || seconds_since(begin) < seconds)) {
    check_stop(stop);
    const std::uint64_t n = file.read(at, block);
    bytes += n;
    at = at + n < file.size() && n > 0 ? at + n : 0;
  }
  total += bytes;
  return static_cast<double>(bytes) / seconds_since(begin);
}

/// Median seconds of some reads anywhere.
double read_anywhere(const ColdFile& file, std::uint64_t bytes, std::uint64_t& drawn,
                     double seconds, const StopAsked& stop) {
  std::vector<std::uint8_t> piece(bytes);
  std::vector<double> times;
  file.forget(0, 0);
  const auto begin = BenchClock::now();
  do {
    check_stop(stop);
    const std::uint64_t offset = mixed(++drawn) % (file.size() - bytes);
    const auto before = BenchClock::now();
    (void)file.read(offset, piece);
    times.push_back(seconds_since(before));
  } while (times.size() < kReadsOfARepeat && seconds_since(begin) < seconds);
  return median(times);
}

}  // namespace

FileFigures measure_file(const std::string& path, std::uint64_t random_bytes, double seconds,
                         const StopAsked& stop) try {
  FileFigures figures;
  const ColdFile file(path);
  check(file.size() >= kMiB, ErrorCode::kSlide,
        "the file has only {}: too little to time, or its pixels are in other files",
        format_bytes(file.size()));
  figures.random_bytes = std::clamp<std::uint64_t>(random_bytes, 512, file.size() / 2);
  std::vector<double> in_order, anywhere;
  std::uint64_t at = 0;
  std::uint64_t drawn = 0;
  const auto begin = BenchClock::now();
  for (int i = 0; i < kRepeats && (i == 0 || seconds_since(begin) < seconds); ++i) {
    in_order.push_back(
        read_in_order(file, at, 0.7 * seconds / kRepeats, stop, figures.measured_bytes));
    anywhere.push_back(
        read_anywhere(file, figures.random_bytes, drawn, 0.3 * seconds / kRepeats, stop));
  }
  figures.bytes_s = median(in_order);
  figures.random_read_s = median(anywhere);
  return figures;
} catch (const Error& error) {
  if (error.code() != ErrorCode::kSlide) throw;
  FileFigures figures;
  figures.problem = error.what();
  return figures;
}

}  // namespace tilepool
