#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "common/base/units.h"
#include "common/memory/buffer.h"
#include "common/run/stage_folder.h"
#include "common/slide/input_file.h"
#include "common/slide/slide_pool.h"

namespace tilepool {

/// Copies of slides on a disk of this node. One thread copies, one slide at a time, what no other
/// rank of the node has copied or copies; nobody waits for it: a slide is read where it lies until
/// its copy is whole, and where there is none. What cannot be copied is told in the log, once for
/// each kind of reason.
class StagedSlides {
 public:
  /// Of the budget, for the thread that copies.
  static constexpr std::size_t kBufferBytes = 8 * kMiB;

  /// Enters the folder of the run (StageFolder has the contract) and starts the thread. `slides`,
  /// in which the copies are opened, must outlive it. Throws Error(kIo), Error(kBudget).
  StagedSlides(const std::filesystem::path& stage, std::uint64_t run_key,
               std::optional<std::uint64_t> limit_bytes, Budget& budget, SlidePool& slides);
  /// Gives up the copy in the making and leaves the folder. Nobody reads a copy any more.
  ~StagedSlides();
  StagedSlides(const StagedSlides&) = delete;
  StagedSlides& operator=(const StagedSlides&) = delete;

  /// The slide will be read for as long as `user` lives: until then its copy, if there comes to be
  /// one, is kept from being removed.
  void want(const std::string& path, const std::string& fingerprint,
            std::weak_ptr<const void> user);
  /// Where a slide that was asked for is best read now: its copy if it is whole, else `path`.
  [[nodiscard]] std::string path_of(const std::string& path);
  /// The copy failed with `why` where the slide itself did not: from now on that is read.
  void distrust(const std::string& path, const std::string& why);

  struct Copied {
    std::uint64_t slides = 0, bytes = 0;
  };
  /// What this rank has copied so far.
  [[nodiscard]] Copied copied() const;

 private:
  struct Slide {
    std::string name, fingerprint;  ///< name: of the copy
    std::weak_ptr<const void> user;
    FileLock copy;  ///< held while it is used
    bool in_place = false;
  };
  void copy_loop();
  void copy(const std::string& path, const std::string& name, const std::string& fingerprint);
  [[nodiscard]] bool copy_bytes(const InputFile& slide, const StagePart& part);
  void release_unneeded();
  void read_in_place(const std::string& path, const std::string& kind, const std::string& why);
  [[nodiscard]] std::string file_of(const Slide& slide) const;

  SlidePool& pool_;
  StageFolder folder_;
  Buffer<std::uint8_t> buffer_;
  std::atomic<std::uint64_t> copied_slides_{0}, copied_bytes_{0};
  std::atomic<bool> quit_{false};

  std::mutex mutex_;
  std::condition_variable may_copy_;
  std::map<std::string, Slide> slides_;  ///< by path
  std::deque<std::string> waiting_;      ///< paths, the next one first
  std::set<std::string> told_;           ///< kinds of reasons
  std::thread thread_;                   // last: joined before anything else goes
};

}  // namespace tilepool
