#pragma once

#include <list>
#include <set>

#include <mpi.h>

#include "common/mpi/channel.h"

namespace tilepool {

/// Messages over MPI point-to-point. Not collective, except that all ranks must use the same
/// communicator. One receive is posted at a time; sends are buffered here until MPI took them. A
/// peer to which MPI refuses to send (its host or the network to it is gone) is cut off: nothing is
/// sent to it and nothing heard of it any more. When that is the master: Error(kMpi).
class MpiChannel : public Channel {
 public:
  explicit MpiChannel(MPI_Comm comm);
  /// Cancels the posted receive; sends that never completed (to a dead rank) are left behind.
  ~MpiChannel() override;
  MpiChannel(const MpiChannel&) = delete;
  MpiChannel& operator=(const MpiChannel&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  void send_bytes(int to, Tag tag, std::span<const std::byte> bytes) override;
  /// Looks again and again for 50 us after the last message, then sleeps between looks, at first
  /// for 50 us and later for up to 1 ms: a rank that waits leaves its core to those that compute.
  [[nodiscard]] std::optional<Envelope> receive(std::chrono::microseconds patience) override;
  [[nodiscard]] std::vector<int> dead_ranks() override;
  void give_up(int peer) override { cut_off_.insert(peer); }
  /// Whether MPI took every send to a peer that is not cut off or given up.
  [[nodiscard]] bool all_sent();

 private:
  struct Outgoing {
    MPI_Request request = MPI_REQUEST_NULL;
    int to = 0;
    std::array<std::byte, kMaxMessageBytes> bytes{};
  };
  void post_receive();
  [[nodiscard]] std::optional<Envelope> poll();
  void reap_sends();
  void cut_off(int peer, int code, const char* call);

  MPI_Comm comm_;
  int rank_ = 0, size_ = 1;
  MPI_Request incoming_ = MPI_REQUEST_NULL;
  std::array<std::byte, kMaxMessageBytes> inbox_{};
  std::list<Outgoing> outgoing_;
  std::set<int> cut_off_;
};

}  // namespace tilepool
