#pragma once

#include <filesystem>
#include <vector>

namespace tilepool {

/// A folder with a private name beside where `name` would be, with all that is put into it; gone
/// with its owner. Folders above it that had to be made go too, if nothing else came into them.
class TemporaryFolder {
 public:
  /// Throws Error(kIo) when it cannot be made.
  explicit TemporaryFolder(const std::filesystem::path& name);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void remove() noexcept;

  std::filesystem::path path_;                ///< absolute
  std::vector<std::filesystem::path> above_;  ///< made for it, the innermost first
};

}  // namespace tilepool
