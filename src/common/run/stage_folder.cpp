#include "common/run/stage_folder.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/units.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "tilepool-";
constexpr std::size_t kKeyDigits = 16;
constexpr const char* kInUse = "in_use";
constexpr const char* kTurn = "lock";
constexpr std::string_view kPartSuffix = ".part";

[[noreturn]] void fail_errno(std::string_view what, const fs::path& path) {
  const int error = errno;
  fail(ErrorCode::kIo, "cannot {} {}: {}", what, path.string(), errno_text(error));
}

FileLock open_in(const FileLock& folder, const std::string& name, int flags) {
  return FileLock(
      ::openat(folder.descriptor(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
}

bool is_ours(const FileLock& file) {
  struct stat found {};
  return ::fstat(file.descriptor(), &found) == 0 && found.st_uid == ::geteuid();
}

/// The names in a folder, "." and ".." aside; none where it cannot be listed.
std::vector<std::string> names_in(const FileLock& folder) {
  const int descriptor =
      ::openat(folder.descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // closedir closes it
  if (descriptor < 0) return {};
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(descriptor), ::closedir);
  std::vector<std::string> names;
  if (listing == nullptr) {
    ::close(descriptor);
    return names;
  }
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

bool is_stage_name(std::string_view name) {
  return name.size() == kPrefix.size() + kKeyDigits && name.starts_with(kPrefix) &&
         name.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

/// Removes the folder and the files in it; whoever waits for in_use then finds it without a name.
/// The caller holds in_use alone.
void remove_folder(const FileLock& stage, const std::string& name, const FileLock& folder) {
  for (const std::string& file : names_in(folder))
    if (file != kInUse) ::unlinkat(folder.descriptor(), file.c_str(), 0);
  ::unlinkat(folder.descriptor(), kInUse, 0);
  ::unlinkat(stage.descriptor(), name.c_str(), AT_REMOVEDIR);
}

/// False when a process lives that uses the folder, or it is not one that this program made.
bool remove_unused(const FileLock& stage, const std::string& name) {
  const FileLock folder = open_in(stage, name, O_RDONLY | O_DIRECTORY);
  if (!folder.valid() || !is_ours(folder)) return false;
  const FileLock in_use = open_in(folder, kInUse, O_RDWR);
  // Without in_use it is only removed when it is empty: a process died between making the two.
  if (!in_use.valid()) return ::unlinkat(stage.descriptor(), name.c_str(), AT_REMOVEDIR) == 0;
  if (!in_use.try_lock(LOCK_EX) || !in_use.linked()) return false;
  remove_folder(stage, name, folder);
  return true;
}

/// Takes the room on the disk at once, where the file system can; else only the size is set.
void allocate(const StagePart& part, std::uint64_t bytes) {
  const int file = part.file.descriptor();
  const auto size = static_cast<off_t>(bytes);
  int result = 0;
  do result = ::fallocate(file, 0, 0, size);
  while (result != 0 && errno == EINTR);
  if (result == 0) return;
  if (errno != EOPNOTSUPP && errno != ENOSYS) fail_errno("make room for", part.path);
  if (::ftruncate(file, size) != 0) fail_errno("make room for", part.path);
}

}  // namespace

std::string why_no_stage(const fs::path& stage) {
  std::error_code error;
  if (!fs::is_directory(stage, error))
    return stage.string() + (fs::exists(stage, error) ? " is no folder" : " is not there");
  if (::access(stage.c_str(), R_OK | W_OK | X_OK) != 0)
    return fmt::format("{} cannot be written to: {}", stage.string(), errno_text(errno));
  return "";
}

std::optional<std::uint64_t> free_bytes(const fs::path& folder) {
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool FileLock::try_lock(int kind) const {
  int result = 0;
  do result = ::flock(descriptor_, kind | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

void FileLock::wait_for_lock(int kind) const {
  int result = 0;
  do result = ::flock(descriptor_, kind);
  while (result != 0 && errno == EINTR);
  check(result == 0, ErrorCode::kIo, "files cannot be locked: {}", errno_text(errno));
}

bool FileLock::linked() const {
  struct stat found {};
  return ::fstat(descriptor_, &found) == 0 && found.st_nlink > 0;
}

StagePart::~StagePart() {
  if (!path.empty()) ::unlink(path.c_str());
}

StageFolder::StageFolder(const fs::path& stage, std::uint64_t run_key,
                         std::optional<std::uint64_t> limit_bytes)
    : path_(stage / fmt::format("{}{:016x}", kPrefix, run_key)), limit_bytes_(limit_bytes) {
  const std::string problem = why_no_stage(stage);
  check(problem.empty(), ErrorCode::kIo, "{}", problem);
  const FileLock root(::open(stage.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) fail_errno("open", stage);
  for (const std::string& name : names_in(root))
    if (is_stage_name(name) && remove_unused(root, name))
      log_warning("removed {}, which a run that was killed had left", (stage / name).string());
  enter(root, path_.filename().string());
}

// Between any two steps the last rank of an earlier run may remove the folder: then all is begun
// anew.
void StageFolder::enter(const FileLock& stage, const std::string& name) {
  for (;;) {
    if (::mkdirat(stage.descriptor(), name.c_str(), 0700) != 0 && errno != EEXIST)
      fail_errno("make", path_);
    folder_ = open_in(stage, name, O_RDONLY | O_DIRECTORY);
    if (!folder_.valid() && errno == ENOENT) continue;
    if (!folder_.valid()) fail_errno("open", path_);
    check(is_ours(folder_), ErrorCode::kIo, "{} belongs to another user", path_.string());
    in_use_ = open_in(folder_, kInUse, O_RDWR | O_CREAT);
    if (!in_use_.valid() && errno == ENOENT) continue;
    if (!in_use_.valid()) fail_errno("make", path_ / kInUse);
    in_use_.wait_for_lock(LOCK_SH);
    if (in_use_.linked()) return;
  }
}

// Of two that leave at once, one gets the lock: each gives up its share before it asks for all.
StageFolder::~StageFolder() {
  if (!in_use_.try_lock(LOCK_EX)) return;
  const FileLock stage(::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (stage.valid()) remove_folder(stage, path_.filename().string(), folder_);
}

FileLock StageFolder::use(const std::string& name) const {
  FileLock copy = open_in(folder_, name, O_RDONLY);
  if (!copy.valid() || !copy.try_lock(LOCK_SH) || !copy.linked()) return {};
  return copy;
}

FileLock StageFolder::turn() const {
  FileLock file = open_in(folder_, kTurn, O_RDWR | O_CREAT);
  if (!file.valid()) fail_errno("make", path_ / kTurn);
  file.wait_for_lock(LOCK_EX);
  return file;
}

std::vector<StageFolder::Copy> StageFolder::copies() const {
  std::vector<Copy> found;
  for (std::string& name : names_in(folder_)) {
    struct stat file {};
    if (name == kInUse || name == kTurn ||
        ::fstatat(folder_.descriptor(), name.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    found.push_back({std::move(name), static_cast<std::uint64_t>(file.st_size),
                     static_cast<std::uint64_t>(file.st_blocks) * 512,
                     file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec});
  }
  std::sort(found.begin(), found.end(),
            [](const Copy& a, const Copy& b) { return a.written_ns < b.written_ns; });
  return found;
}

/// False when somebody reads or makes it.
bool StageFolder::evict(const std::string& name) const {
  const FileLock file = open_in(folder_, name, O_RDONLY);
  return file.valid() && file.try_lock(LOCK_EX) &&
         ::unlinkat(folder_.descriptor(), name.c_str(), 0) == 0;
}

// The caller has the turn.
void StageFolder::make_room(std::uint64_t bytes) const {
  const std::vector<Copy> all = copies();
  std::uint64_t taken = 0;
  std::uint64_t allocated = 0;
  for (const Copy& one : all) {
    taken += one.bytes;
    allocated += one.allocated_bytes;
  }
  const std::uint64_t limit =
      limit_bytes_ ? *limit_bytes_ : (free_bytes(path_).value_or(0) + allocated) / 10 * 9;
  const auto fits = [&] { return bytes <= limit && taken <= limit - bytes; };
  if (bytes <= limit)
    for (auto oldest = all.begin(); oldest != all.end() && !fits(); ++oldest)
      if (evict(oldest->name)) taken -= oldest->bytes;
  check(fits(), ErrorCode::kBudget,
        "there is no room for its {}: of {} for copies in {}, {} are in use", format_bytes(bytes),
        format_bytes(limit), path_.parent_path().string(), format_bytes(taken));
}

std::optional<StagePart> StageFolder::reserve(const std::string& name, std::uint64_t bytes) {
  const FileLock mine = turn();
  if (open_in(folder_, name, O_RDONLY).valid()) return std::nullopt;
  const std::string part_name = name + std::string(kPartSuffix);
  // One that nobody holds was left by a rank that died.
  if (open_in(folder_, part_name, O_RDONLY).valid() && !evict(part_name)) return std::nullopt;
  make_room(bytes);
  StagePart part(open_in(folder_, part_name, O_RDWR | O_CREAT | O_EXCL), path_ / part_name);
  if (!part.file.valid()) fail_errno("make", part.path);
  check(part.file.try_lock(LOCK_EX), ErrorCode::kIo, "{} cannot be locked", part.path.string());
  allocate(part, bytes);
  return part;
}

void StageFolder::publish(StagePart part) {
  const FileLock mine = turn();
  std::string name = part.path.filename().string();
  name.resize(name.size() - kPartSuffix.size());
  if (::renameat(folder_.descriptor(), part.path.filename().c_str(), folder_.descriptor(),
                 name.c_str()) != 0)
    fail_errno("rename", part.path);
  part.path.clear();
}

}  // namespace tilepool
