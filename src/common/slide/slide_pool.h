#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/slide/source.h"

namespace tilepool {

/// The open slides of a rank: one source per slide, at most `capacity` open, the least recently
/// used closed first. A slide that somebody still holds is never opened twice nor closed under
/// them: while more than `capacity` are held at once, the pool is larger by those. Thread-safe; a
/// slide asked for by several threads at once is opened once, and threads that want other slides
/// do not wait for it.
class SlidePool {
 public:
  using Opener = std::function<std::unique_ptr<SlideSource>(const std::string& path,
                                                            std::optional<double> mpp)>;

  /// `capacity` >= 1.
  SlidePool(std::size_t capacity, Opener opener);
  /// Opens with open_slide.
  explicit SlidePool(std::size_t capacity, Reader reader = Reader::kAuto);

  /// The slide, opened if it is not. Throws what opening it threw (Error(kSlide)); a failure is not
  /// remembered.
  [[nodiscard]] std::shared_ptr<SlideSource> get(const std::string& path,
                                                 std::optional<double> mpp);
  /// Closes all that nobody holds.
  void close_idle();
  /// Closes the slide unless somebody holds it; true when it is not open now.
  bool close(const std::string& path);
  /// Slides open or being opened.
  [[nodiscard]] std::size_t open_slides() const;

 private:
  struct Entry {
    std::uint64_t id;
    std::string path;
    std::optional<double> mpp;
    std::shared_future<std::shared_ptr<SlideSource>> source;
  };
  void trim(std::size_t keep);
  [[nodiscard]] static bool idle(const Entry& entry);

  const std::size_t capacity_;
  const Opener opener_;
  mutable std::mutex mutex_;
  std::uint64_t next_id_ = 0;
  std::list<Entry> entries_;  ///< most recently used first
};

}  // namespace tilepool
