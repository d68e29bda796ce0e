#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tilepool {

/// A file that is written from front to back, as it is or as gzip, through a small buffer.
/// Everything throws Error(kIo) with the path and the errno.
class OutFile {
 public:
  enum class Form { kPlain, kGzip };
  /// Makes or empties the file.
  OutFile(std::filesystem::path path, Form form);
  ~OutFile();
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;

  void write(std::string_view bytes);
  /// What is in the buffer goes out; nothing may be written after it.
  void close();

 private:
  struct Deflater;
  void put(std::string_view bytes);
  void deflate(std::string_view bytes, int flush);

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::unique_ptr<Deflater> deflater_;  ///< gzip only
  std::string waiting_;                 ///< plain only: not yet written
};

}  // namespace tilepool
