#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "common/base/error.h"
#include "common/mpi/channel.h"

namespace tilepool {

/// The leases that a worker holds, of any kind, and its answers to the master: each is answered
/// once.
class LeaseDesk {
 public:
  explicit LeaseDesk(Channel& channel) : channel_(channel) {}

  /// False when the lease is held already: the master told of it again, since the first message
  /// only was slow.
  [[nodiscard]] bool take(std::uint64_t lease) { return held_.insert(lease).second; }
  void answer(const Finished& message);
  void done(std::uint64_t lease) { finish(lease, LeaseEnd::kDone, {}, ErrorCode::kInternal); }
  void finish(std::uint64_t lease, LeaseEnd end, const std::string& reason, ErrorCode code);
  void failed(std::uint64_t lease, const Error& error) {
    finish(lease, LeaseEnd::kFailed, error.what(), error.code());
  }
  void dropped(std::uint64_t lease, const std::string& why) {
    finish(lease, LeaseEnd::kDropped, why, ErrorCode::kStopped);
  }

 private:
  Channel& channel_;
  std::set<std::uint64_t> held_;
};

}  // namespace tilepool
