#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tilepool {

/// A file open for reading at any place, by any thread. Owns the descriptor.
class InputFile {
 public:
  /// Throws Error(kSlide) when the file cannot be opened.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Bytes, when it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Fills `bytes` from `offset` on. Throws Error(kSlide) when the file ends before or fails.
  void read(std::uint64_t offset, std::span<std::uint8_t> bytes) const;
  /// Has the system fetch these bytes, which are read soon. Does not wait for them.
  void will_need(std::uint64_t offset, std::uint64_t bytes) const;

 private:
  int descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace tilepool
