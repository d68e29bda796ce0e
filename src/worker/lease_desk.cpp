#include "worker/lease_desk.h"

namespace tilepool {

void LeaseDesk::answer(const Finished& message) {
  held_.erase(message.lease);
  channel_.send(0, message);
}

void LeaseDesk::finish(std::uint64_t lease, LeaseEnd end, const std::string& reason,
                       ErrorCode code) {
  Finished message;
  message.lease = lease;
  message.end = end;
  message.error_code = static_cast<std::uint32_t>(code);
  message.reason.set(one_line(reason));
  answer(message);
}

}  // namespace tilepool
