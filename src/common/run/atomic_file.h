#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tilepool {

/// Files that are either wholly there or not at all: written under a private name in the same
/// folder, fsynced, renamed, and the folder fsynced. All errors are Error(kIo) that name the path
/// and the errno.

/// A private name `.<name>.tmp-<pid>-<random>` beside `final_path`; never the same twice, on one
/// host or many. Makes the folder when it is missing.
[[nodiscard]] std::filesystem::path temporary_path(const std::filesystem::path& final_path);

/// fsync(temp), rename(temp, final), fsync(folder). `temp` must be closed.
void commit_file(const std::filesystem::path& temp, const std::filesystem::path& final_path);

/// A temporary name that is unlinked by the destructor unless commit() was called.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path final_path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  [[nodiscard]] const std::filesystem::path& temp() const { return temp_; }
  [[nodiscard]] const std::filesystem::path& final_path() const { return final_; }
  void commit();

 private:
  std::filesystem::path final_, temp_;
  bool committed_ = false;
};

/// Writes all of `bytes` where the open file `descriptor` stands; `path` is for the message.
void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path);

/// The whole of a small file at once.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);
/// The same of several parts, one after the other.
void write_file_atomically(const std::filesystem::path& path,
                           std::initializer_list<std::string_view> parts);
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Removes what dead processes left under temporary names in `folder`. Only while no other process
/// of the run is alive. Returns how many there were; a missing folder has none.
std::size_t remove_temporaries(const std::filesystem::path& folder);

}  // namespace tilepool
