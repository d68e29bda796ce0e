#include "common/memory/buffer.h"

#include <algorithm>
#include <cerrno>

#include <sys/mman.h>

#include "common/base/error.h"

namespace tilepool {

Pages::Pages(Budget& budget, std::size_t bytes, std::string_view what) {
  if (bytes == 0) return;
  budget.take(bytes, what);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    const int error = errno;
    budget.give_back(bytes);
    fail(ErrorCode::kBudget, "the system has no {} bytes for {}: {}", bytes, what,
         errno_text(error));
  }
  budget_ = &budget;
  data_ = static_cast<std::byte*>(memory);
  bytes_ = bytes;
}

Pages::~Pages() {
  if (data_ == nullptr) return;
  ::munmap(data_, bytes_);
  budget_->give_back(bytes_);
}

std::byte* Arena::take_bytes(std::size_t bytes) {
  const std::size_t need = arena_bytes(bytes);
  check(need <= bytes_ - used_, ErrorCode::kBudget,
        "scratch memory of {} bytes is too small: {} are in use and {} more are needed", bytes_,
        used_, need);
  std::byte* result = block_ + used_;
  used_ += need;
  peak_ = std::max(peak_, used_);
  return result;
}

}  // namespace tilepool
