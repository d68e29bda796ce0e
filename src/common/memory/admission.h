#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace tilepool {

/// Lets jobs of known size run side by side as long as they fit together, and makes the others
/// wait. A job larger than the limit runs alone. Thread-safe; a job holds one pass at a time.
class Admission {
 public:
  explicit Admission(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Leave to use `bytes` while this lives.
  class Pass {
   public:
    Pass(Admission& admission, std::size_t bytes);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Admission& admission_;
    std::size_t bytes_;
  };

 private:
  const std::size_t limit_bytes_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::size_t used_ = 0;
};

}  // namespace tilepool
