#include "common/mpi/loopback.h"

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {

class Loopback::Endpoint : public Channel {
 public:
  Endpoint(Loopback& loopback, int rank) : loopback_(loopback), rank_(rank) {}
  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return static_cast<int>(loopback_.mailboxes_.size()); }

  void send_bytes(int to, Tag tag, std::span<const std::byte> bytes) override {
    check(bytes.size() <= kMaxMessageBytes, ErrorCode::kInternal, "message of {} bytes",
          bytes.size());
    Envelope envelope;
    envelope.from = rank_;
    envelope.tag = tag;
    envelope.size = bytes.size();
    std::memcpy(envelope.bytes.data(), bytes.data(), bytes.size());
    Mailbox& box = *loopback_.mailboxes_.at(checked_cast<std::size_t>(to));
    {
      const std::lock_guard lock(box.mutex);
      box.messages.push_back(envelope);
    }
    box.arrived.notify_one();
  }

  std::optional<Envelope> receive(std::chrono::microseconds patience) override {
    Mailbox& box = *loopback_.mailboxes_[static_cast<std::size_t>(rank_)];
    std::unique_lock lock(box.mutex);
    if (!box.arrived.wait_for(lock, patience, [&] { return !box.messages.empty(); }))
      return std::nullopt;
    Envelope envelope = box.messages.front();
    box.messages.pop_front();
    return envelope;
  }

 private:
  Loopback& loopback_;
  int rank_;
};

Loopback::Loopback(int size) {
  for (int rank = 0; rank < size; ++rank) {
    mailboxes_.push_back(std::make_unique<Mailbox>());
    endpoints_.push_back(std::make_unique<Endpoint>(*this, rank));
  }
}

Channel& Loopback::endpoint(int rank) { return *endpoints_.at(checked_cast<std::size_t>(rank)); }

}  // namespace tilepool
