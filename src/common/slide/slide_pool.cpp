#include "common/slide/slide_pool.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <utility>

#include "common/base/error.h"

namespace tilepool {
namespace {

bool is_ready(const std::shared_future<std::shared_ptr<SlideSource>>& source) {
  return source.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

SlidePool::SlidePool(std::size_t capacity, Opener opener)
    : capacity_(capacity), opener_(std::move(opener)) {
  check(capacity_ > 0, ErrorCode::kInternal, "a slide pool needs room for one slide");
}

SlidePool::SlidePool(std::size_t capacity, Reader reader)
    : SlidePool(capacity, [reader](const std::string& path, std::optional<double> mpp) {
        return open_slide(path, mpp, reader);
      }) {}

bool SlidePool::idle(const Entry& entry) {
  return is_ready(entry.source) && entry.source.get().use_count() == 1;
}

void SlidePool::trim(std::size_t keep) {
  for (auto it = entries_.end(); it != entries_.begin() && entries_.size() > keep;) {
    --it;
    if (idle(*it)) it = entries_.erase(it);
  }
}

std::shared_ptr<SlideSource> SlidePool::get(const std::string& path, std::optional<double> mpp) {
  std::promise<std::shared_ptr<SlideSource>> promise;
  std::uint64_t id = 0;
  {
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.path == path && entry.mpp == mpp;
    });
    if (found != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, found);
      const auto source = found->source;
      if (is_ready(source)) return source.get();
      lock.unlock();
      return source.get();
    }
    trim(capacity_ - 1);
    id = next_id_++;
    entries_.push_front({id, path, mpp, promise.get_future().share()});
  }
  try {
    std::shared_ptr<SlideSource> source = opener_(path, mpp);
    promise.set_value(source);
    return source;
  } catch (const std::exception&) {
    {
      const std::lock_guard lock(mutex_);  // out of the list first: trim() never sees a failure
      entries_.remove_if([id](const Entry& entry) { return entry.id == id; });
    }
    promise.set_exception(std::current_exception());
    throw;
  }
}

void SlidePool::close_idle() {
  const std::lock_guard lock(mutex_);
  trim(0);
}

bool SlidePool::close(const std::string& path) {
  const std::lock_guard lock(mutex_);
  entries_.remove_if([&](const Entry& entry) { return entry.path == path && idle(entry); });
  return std::none_of(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.path == path; });
}

std::size_t SlidePool::open_slides() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace tilepool
