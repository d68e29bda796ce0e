#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include <unistd.h>

#include "common/base/error.h"

/// What the fuzz targets share. A target reads arbitrary input and lets go by one way of refusing
/// it: a tilepool::Error. Any other exception, a signal, a sanitizer's word, a leak, ten seconds or
/// a gigabyte end the process: a finding.
namespace tilepool::fuzz {

/// Whether `read` took the input.
template <class Read>
bool accepted(Read read) {
  try {
    read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// A property that must hold for whatever was accepted.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The input, taken from its front; zeros behind its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  void copy_to(void* out, std::size_t size) {
    std::memset(out, 0, size);
    const std::size_t there = std::min(size, rest_.size());
    if (there > 0) std::memcpy(out, rest_.data(), there);
    rest_ = rest_.subspan(there);
  }
  template <class T>
  T take() {
    T value;
    copy_to(&value, sizeof value);
    return value;
  }
  std::uint8_t byte() { return take<std::uint8_t>(); }

 private:
  std::span<const std::uint8_t> rest_;
};

/// A folder of this process, below TMPDIR.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fuzz-XXXXXX").string();
    const char* const made = ::mkdtemp(pattern.data());
    require(made != nullptr, "a scratch folder can be made");
    path_ = made;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// A file in it with this content.
  [[nodiscard]] std::filesystem::path write(const char* name, std::string_view bytes) const {
    std::ofstream stream(path_ / name, std::ios::binary | std::ios::trunc);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    require(stream.good(), "a scratch file can be written");
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tilepool::fuzz
