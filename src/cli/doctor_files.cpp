#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor_checks.h"
#include "common/base/error.h"
#include "common/base/system.h"
#include "common/base/units.h"
#include "common/run/stage_folder.h"
#include "common/slide/file_probe.h"
#include "common/slide/source.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
using Health = Finding::Health;

Finding files(Health health, std::string check, std::string found, std::string remedy = {}) {
  return {health, Finding::Area::kFiles, std::move(check), std::move(found), std::move(remedy)};
}

/// The nearest folder above `path` that exists, or `path` itself.
fs::path existing_folder(const fs::path& path) {
  fs::path folder = fs::absolute(path).lexically_normal();
  std::error_code ignored;  // what cannot be looked at is taken as absent
  while (!fs::is_directory(folder, ignored) && folder.has_relative_path())
    folder = folder.parent_path();
  return folder;
}

/// What copying the slides to `stage` would come to.
struct StagingNeed {
  std::size_t bytes = 0;    ///< of what can be copied
  std::size_t beside = 0;   ///< slides of it on the same file system already
  std::size_t several = 0;  ///< slides that cannot: several files each
};

StagingNeed staging_need(const fs::path& stage, const std::vector<SlideSpec>& slides) {
  StagingNeed need;
  struct stat folder {};
  const bool known = ::stat(stage.c_str(), &folder) == 0;
  for (const SlideSpec& slide : slides) {
    struct stat file {};
    if (::stat(slide.path.c_str(), &file) != 0) continue;  // check_slides tells of it
    if (has_companion_files(slide.path)) {
      ++need.several;
      continue;
    }
    need.bytes += static_cast<std::size_t>(file.st_size);
    if (known && file.st_dev == folder.st_dev) ++need.beside;
  }
  return need;
}

/// A folder that is removed with all in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& parent)
      : name_((parent / ".tilepool-doctor-XXXXXX").string()), made_(mkdtemp(name_.data())) {}
  ~ScratchFolder() {
    std::error_code ignored;  // nothing is left to do about it
    if (made_ != nullptr) fs::remove_all(name_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] bool made() const { return made_ != nullptr; }
  [[nodiscard]] fs::path path() const { return name_; }

 private:
  std::string name_;
  const char* made_;
};

/// An open file or folder.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool valid() const { return number_ >= 0; }

 private:
  int number_;
};

/// What of a commit (write, fsync, rename, fsync of the folder) does not work in `folder`, or "".
std::string commit_problem(const fs::path& folder) {
  constexpr std::string_view kText = "tilepool doctor\n";
  const fs::path temporary = folder / "file.tmp";
  const fs::path final_name = folder / "file";
  const auto failed = [](const char* what) {
    return fmt::format("{} fails: {}", what, errno_text(errno));
  };
  const Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return failed("creating a file");
  if (write(file.number(), kText.data(), kText.size()) != static_cast<ssize_t>(kText.size()))
    return failed("writing");
  if (fsync(file.number()) != 0) return failed("fsync");
  if (rename(temporary.c_str(), final_name.c_str()) != 0) return failed("renaming");
  const Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || fsync(directory.number()) != 0) return failed("fsync of the folder");
  std::error_code error;
  if (fs::file_size(final_name, error) != kText.size()) return "a renamed file has another size";
  return {};
}

bool locks_work(const fs::path& folder) {
  const Descriptor file(open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  return file.valid() && flock(file.number(), LOCK_EX | LOCK_NB) == 0;
}

/// Whether a person demands locks of HDF5; the program itself asks for them only where they work.
bool hdf5_must_lock() {
  const char* const value = std::getenv("HDF5_USE_FILE_LOCKING");
  return value != nullptr && (std::string_view(value) == "TRUE" || std::string_view(value) == "1");
}

}  // namespace

Finding check_shared_memory(const fs::path& folder) {
  constexpr std::size_t kWanted = 256 * kMiB;  // a node of 16 ranks with 4 MiB segments, four times
  const auto free = free_bytes(folder);
  const std::string name = folder.string();
  if (!free)
    return files(Health::kWarn, name, "is not there",
                 "mount a tmpfs on it, or mpirun --mca btl_vader_backing_directory /tmp");
  const std::string found = format_bytes(*free) + " free";
  if (*free >= kWanted) return files(Health::kPass, name, found);
  return files(Health::kWarn, name, found,
               fmt::format("less than {}: in a container use --shm-size=1g, or mpirun --mca "
                           "btl_vader_backing_directory /tmp",
                           format_bytes(kWanted)));
}

Finding check_space(const fs::path& run_dir) {
  constexpr std::size_t kLeast = 100 * kMiB;
  constexpr std::size_t kComfortable = 10 * kGiB;
  const fs::path folder = existing_folder(run_dir);
  const auto free = free_bytes(folder);
  if (!free)
    return files(Health::kFail, "free space",
                 fmt::format("{} cannot be looked at: {}", folder.string(), errno_text(errno)),
                 "choose another place with --run-dir");
  const std::string found = fmt::format("{} in {}", format_bytes(*free), folder.string());
  if (*free < kLeast)
    return files(Health::kFail, "free space", found, "free some, or choose another --run-dir");
  if (*free < kComfortable)
    return files(Health::kWarn, "free space", found,
                 "tilepool plan CONFIG estimates what a run needs");
  return files(Health::kPass, "free space", found);
}

Finding check_commit(const fs::path& run_dir) {
  const fs::path folder = existing_folder(run_dir);
  const ScratchFolder scratch(folder);
  if (!scratch.made())
    return files(Health::kFail, "run directory",
                 fmt::format("{} cannot be written to: {}", folder.string(), errno_text(errno)),
                 "choose another place with --run-dir");
  if (const std::string problem = commit_problem(scratch.path()); !problem.empty())
    return files(Health::kFail, "run directory", fmt::format("{}: {}", folder.string(), problem),
                 "choose another place with --run-dir");
  const bool locks = locks_work(scratch.path());
  if (!locks && hdf5_must_lock())
    return files(Health::kFail, "run directory",
                 folder.string() + ": files cannot be locked, and HDF5_USE_FILE_LOCKING demands it",
                 "unset HDF5_USE_FILE_LOCKING, or mount the file system with flock");
  if (!locks)
    return files(Health::kPass, "run directory",
                 folder.string() +
                     ": writing, fsync and renaming work; files cannot be locked, which HDF5 is "
                     "told to do without");
  return files(Health::kPass, "run directory",
               folder.string() + ": writing, fsync, renaming and locking work");
}

Finding check_stage(const fs::path& stage, const std::vector<SlideSpec>& slides) {
  const auto finding = [](Health health, const std::string& found, const std::string& remedy) {
    return Finding{health, Finding::Area::kConfig, "/workers/stage", found, remedy};
  };
  if (const std::string problem = why_no_stage(stage); !problem.empty())
    return finding(Health::kFail, problem + " on " + host_name(),
                   "make it on every node (ask the doctor there), name another folder, or write "
                   "null");
  const StagingNeed need = staging_need(stage, slides);
  const std::size_t free = free_bytes(stage).value_or(0);
  const std::string found = fmt::format("{}: {} free, {} of slides to copy", stage.string(),
                                        format_bytes(free), format_bytes(need.bytes));
  if (need.beside > 0)
    return finding(Health::kWarn,
                   fmt::format("{}; {} lie on the same file system", found, need.beside),
                   "name a folder on a disk of the node: copying gains nothing here");
  if (need.several > 0)
    return finding(Health::kWarn, fmt::format("{}; {} are several files each", found, need.several),
                   "those are read where they lie");
  if (need.bytes > free / 10 * 9)
    return finding(Health::kWarn, found,
                   "not all fit at once; what does not is read where it lies");
  return finding(Health::kPass, found, "");
}

std::vector<Finding> check_slides(const std::vector<SlideSpec>& slides, Reader reader) {
  std::vector<Finding> findings;
  std::size_t opened = 0;
  std::size_t without_mpp = 0;
  std::size_t direct = 0;
  const auto bad = [&](const SlideSpec& slide, const std::string& why) {
    findings.push_back({Health::kWarn, Finding::Area::kConfig, "slide " + slide.id,
                        fmt::format("{}: {}", slide.path, why),
                        "it will stand in the ledger as failed; the others go on"});
  };
  for (const SlideSpec& slide : slides) {
    if (!slide.problem.empty()) {
      bad(slide, slide.problem);
      continue;
    }
    try {
      const auto source = open_slide(slide.path, slide.mpp, reader);
      ++opened;
      if (!(source->info().mpp() > 0)) ++without_mpp;
      if (source->info().reader.starts_with("direct")) ++direct;
    } catch (const Error& error) {
      bad(slide, one_line(error.what()));
    }
  }
  const std::string found =
      fmt::format("{} of {} open, {} read directly", opened, slides.size(), direct);
  if (opened == 0)
    findings.push_back({Health::kFail, Finding::Area::kConfig, "slides", found,
                        "no slide can be read: there is nothing to run"});
  else if (without_mpp > 0)
    findings.push_back({Health::kWarn, Finding::Area::kConfig, "slides",
                        fmt::format("{}, {} without mpp", found, without_mpp),
                        "give \"mpp\" in the configuration: tasks in micrometres need it"});
  else
    findings.push_back({Health::kPass, Finding::Area::kConfig, "slides", found, ""});
  return findings;
}

}  // namespace tilepool
