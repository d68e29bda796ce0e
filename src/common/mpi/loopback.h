#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "common/mpi/channel.h"

namespace tilepool {

/// Ranks inside one process: for `tilepool run` without mpirun and for tests. Endpoints may live in
/// different threads.
class Loopback {
 public:
  explicit Loopback(int size);
  /// The endpoint of `rank`; valid as long as this object.
  [[nodiscard]] Channel& endpoint(int rank);

 private:
  struct Mailbox {
    std::mutex mutex;
    std::condition_variable arrived;
    std::deque<Envelope> messages;
  };
  class Endpoint;
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;
  std::vector<std::unique_ptr<Channel>> endpoints_;
};

}  // namespace tilepool
