#include "common/memory/admission.h"

namespace tilepool {

Admission::Pass::Pass(Admission& admission, std::size_t bytes)
    : admission_(admission), bytes_(bytes) {
  std::unique_lock lock(admission.mutex_);
  admission.left_.wait(lock, [&] {
    return admission.used_ == 0 || (admission.used_ <= admission.limit_bytes_ &&
                                    bytes <= admission.limit_bytes_ - admission.used_);
  });
  admission.used_ += bytes;
}

Admission::Pass::~Pass() {
  {
    const std::lock_guard lock(admission_.mutex_);
    admission_.used_ -= bytes_;
  }
  admission_.left_.notify_all();
}

}  // namespace tilepool
