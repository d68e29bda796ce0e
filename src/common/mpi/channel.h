#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "common/model/protocol.h"

namespace tilepool {

/// One endpoint of the messages between ranks. Rank 0 is the master. Used by one thread.
class Channel {
 public:
  virtual ~Channel() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;

  /// Hands the bytes over and returns at once; never waits for the receiver, so that a dead or slow
  /// peer stalls nobody. A message that cannot be delivered is dropped without a word: the silence
  /// of a peer out of reach is what tells of it. Those that arrive from one sender are in order.
  virtual void send_bytes(int to, Tag tag, std::span<const std::byte> bytes) = 0;

  /// The next message, or nullopt when none came within `patience`.
  [[nodiscard]] virtual std::optional<Envelope> receive(std::chrono::microseconds patience) = 0;

  /// Ranks that the library below reports as dead. Most report nothing: then silence must tell.
  [[nodiscard]] virtual std::vector<int> dead_ranks() { return {}; }

  /// Nothing is sent to `peer` or heard from it any more.
  virtual void give_up(int /*peer*/) {}

  template <Message T>
  void send(int to, const T& message) {
    send_bytes(to, T::kTag, std::as_bytes(std::span<const T, 1>(&message, 1)));
  }
};

}  // namespace tilepool
