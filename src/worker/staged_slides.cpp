#include "worker/staged_slides.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/run/atomic_file.h"
#include "common/run/checksum.h"
#include "common/slide/file_probe.h"
#include "common/slide/fingerprint.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// Two files may share a fingerprint, which looks at samples of a file; so the path is in it too.
/// The extension stays, as some formats are told by it.
std::string copy_name(const std::string& path, const std::string& fingerprint) {
  Checksum place;
  place.add(std::as_bytes(std::span(path)));
  return fmt::format("{}-{:016x}{}", fingerprint, place.value(),
                     fs::path(path).extension().string());
}

}  // namespace

StagedSlides::StagedSlides(const fs::path& stage, std::uint64_t run_key,
                           std::optional<std::uint64_t> limit_bytes, Budget& budget,
                           SlidePool& slides)
    : pool_(slides),
      folder_(stage, run_key, limit_bytes),
      buffer_(budget, kBufferBytes, "copying slides to the node's disk"),
      thread_([this] { copy_loop(); }) {}

StagedSlides::~StagedSlides() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  may_copy_.notify_one();
  thread_.join();
  for (const auto& [path, slide] : slides_)
    if (slide.copy.valid()) pool_.close(file_of(slide));
}

std::string StagedSlides::file_of(const Slide& slide) const {
  return (folder_.path() / slide.name).string();
}

StagedSlides::Copied StagedSlides::copied() const { return {copied_slides_, copied_bytes_}; }

void StagedSlides::want(const std::string& path, const std::string& fingerprint,
                        std::weak_ptr<const void> user) {
  {
    const std::lock_guard lock(mutex_);
    Slide& slide = slides_[path];
    slide.user = std::move(user);
    if (slide.in_place) return;
    if (has_companion_files(path)) {
      slide.in_place = true;
      const std::string extension = fs::path(path).extension().string();
      return read_in_place(path, extension,
                           "a " + extension + " slide is several files, of which none is copied");
    }
    slide.fingerprint = fingerprint;
    slide.name = copy_name(path, fingerprint);
    if (std::find(waiting_.begin(), waiting_.end(), path) == waiting_.end())
      waiting_.push_back(path);
    release_unneeded();
  }
  may_copy_.notify_one();
}

std::string StagedSlides::path_of(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = slides_.find(path);
  if (found == slides_.end() || found->second.in_place) return path;
  Slide& slide = found->second;
  if (!slide.copy.valid()) slide.copy = folder_.use(slide.name);
  return slide.copy.valid() ? file_of(slide) : path;
}

void StagedSlides::distrust(const std::string& path, const std::string& why) {
  const std::lock_guard lock(mutex_);
  const auto found = slides_.find(path);
  if (found == slides_.end() || std::exchange(found->second.in_place, true)) return;
  read_in_place(path, "copy", "its copy in " + folder_.path().string() + " fails: " + why);
}

// Closes the copies of slides that are no longer read, so that they may make way; mutex_ is held.
void StagedSlides::release_unneeded() {
  for (auto& [path, slide] : slides_)
    if (slide.copy.valid() && slide.user.expired() && pool_.close(file_of(slide)))
      slide.copy = FileLock();
}

// mutex_ is held.
void StagedSlides::read_in_place(const std::string& path, const std::string& kind,
                                 const std::string& why) {
  if (told_.insert(kind).second)
    log_warning("{} is read where it lies: {} (/workers/stage; others like it are not told)", path,
                why);
}

void StagedSlides::copy_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    may_copy_.wait(lock, [this] { return quit_ || !waiting_.empty(); });
    if (quit_) return;
    const std::string path = std::move(waiting_.front());
    waiting_.pop_front();
    const Slide& slide = slides_.at(path);
    if (slide.in_place || slide.copy.valid() || slide.user.expired()) continue;
    const std::string name = slide.name;
    const std::string fingerprint = slide.fingerprint;
    release_unneeded();
    lock.unlock();
    try {
      copy(path, name, fingerprint);
      lock.lock();
    } catch (const Error& error) {
      lock.lock();
      const bool full = error.code() == ErrorCode::kBudget;
      slides_.at(path).in_place = !full;  // room there may be when the slide is asked for again
      read_in_place(path, full ? "room" : "failed", error.what());
    }
  }
}

void StagedSlides::copy(const std::string& path, const std::string& name,
                        const std::string& fingerprint) {
  const InputFile slide(path);
  std::optional<StagePart> part = folder_.reserve(name, slide.size());
  if (!part || !copy_bytes(slide, *part)) return;
  check(slide_fingerprint(part->path.string()) == fingerprint, ErrorCode::kSlide,
        "the slide file changed after it was scanned");
  folder_.publish(std::move(*part));
  ++copied_slides_;
  copied_bytes_ += slide.size();
}

// False when it is no longer wanted.
bool StagedSlides::copy_bytes(const InputFile& slide, const StagePart& part) {
  const std::uint64_t bytes = slide.size();
  for (std::uint64_t at = 0; at < bytes;) {
    if (quit_) return false;
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), bytes - at));
    slide.read(at, buffer_.span().first(count));
    write_all(part.file.descriptor(), {reinterpret_cast<const char*>(buffer_.data()), count},
              part.path);
    at += count;
  }
  return true;
}

}  // namespace tilepool
