#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tilepool {

/// Why copies of slides cannot be kept in `stage`; "" when they can.
[[nodiscard]] std::string why_no_stage(const std::filesystem::path& stage);

/// Bytes that a user may still write to the file system of `folder`; nullopt, with errno, where it
/// does not tell.
[[nodiscard]] std::optional<std::uint64_t> free_bytes(const std::filesystem::path& folder);

/// An open file or folder with the flock on it, both given up by the destructor. Holds none by
/// default. Move-only.
class FileLock {
 public:
  FileLock() = default;
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  ~FileLock();
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    FileLock moved(std::move(other));
    std::swap(descriptor_, moved.descriptor_);
    return *this;
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool valid() const { return descriptor_ >= 0; }
  /// `kind` is LOCK_SH or LOCK_EX. False when another holds what stands against it; a lock that was
  /// held before may then be lost.
  [[nodiscard]] bool try_lock(int kind) const;
  /// Waits for it. Throws Error(kIo) where files cannot be locked.
  void wait_for_lock(int kind) const;
  /// The file still has a name.
  [[nodiscard]] bool linked() const;

 private:
  int descriptor_ = -1;
};

/// A copy in the making: a file that counts with its full size from the beginning. Removed by the
/// destructor unless it was published.
struct StagePart {
  StagePart(FileLock opened, std::filesystem::path name)
      : file(std::move(opened)), path(std::move(name)) {}
  ~StagePart();
  StagePart(StagePart&& other) noexcept
      : file(std::move(other.file)), path(std::exchange(other.path, {})) {}
  StagePart& operator=(StagePart&&) = delete;

  FileLock file;               ///< open for writing
  std::filesystem::path path;  ///< empty: published
};

/// The folder `<stage>/tilepool-<16 hex digits>` that the ranks of one run on one node share. What
/// they hold is told by locks (flock), which end with their process however it ends:
///   in_use      shared by every rank that is in
///   lock        held for a moment by who makes room, begins or ends a copy
///   NAME        a complete copy; shared by every rank that reads it
///   NAME.part   a copy in the making; exclusive to the rank that makes it
/// Follows no symbolic link out of the folder and touches no folder that another user made.
/// Thread-safe.
class StageFolder {
 public:
  /// Removes what dead runs left in `stage`, then enters the folder of the run that `run_key`
  /// names. `limit_bytes`: most that all files in it may come to; nullopt: 90 % of what is free or
  /// taken by them at the moment. Throws Error(kIo).
  StageFolder(const std::filesystem::path& stage, std::uint64_t run_key,
              std::optional<std::uint64_t> limit_bytes);
  ~StageFolder();  ///< the last one that leaves removes the folder
  StageFolder(const StageFolder&) = delete;
  StageFolder& operator=(const StageFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The complete copy of that name, which stays for as long as the lock is held. Not valid: there
  /// is none.
  [[nodiscard]] FileLock use(const std::string& name) const;
  /// Room for a copy that the caller is to make; nullopt: it is there, or another rank makes it.
  /// Copies that nobody uses make way, oldest first. Throws Error(kBudget) when there is no room
  /// within the limit, Error(kIo) when the disk refuses.
  [[nodiscard]] std::optional<StagePart> reserve(const std::string& name, std::uint64_t bytes);
  /// From now on the part is the copy. Throws Error(kIo).
  void publish(StagePart part);

 private:
  struct Copy {
    std::string name;
    std::uint64_t bytes = 0, allocated_bytes = 0;
    std::int64_t written_ns = 0;
  };
  void enter(const FileLock& stage, const std::string& name);
  [[nodiscard]] FileLock turn() const;
  [[nodiscard]] std::vector<Copy> copies() const;
  [[nodiscard]] bool evict(const std::string& name) const;
  void make_room(std::uint64_t bytes) const;

  const std::filesystem::path path_;
  const std::optional<std::uint64_t> limit_bytes_;
  FileLock folder_, in_use_;
};

}  // namespace tilepool
