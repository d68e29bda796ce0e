#include "common/mpi/mpi_channel.h"

#include <algorithm>
#include <thread>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/mpi/runtime.h"
#include "common/mpi/ulfm.h"

namespace tilepool {

MpiChannel::MpiChannel(MPI_Comm comm) : comm_(comm) {
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  post_receive();
}

MpiChannel::~MpiChannel() {
  if (incoming_ == MPI_REQUEST_NULL) return;
  MPI_Cancel(&incoming_);
  MPI_Request_free(&incoming_);
}

void MpiChannel::post_receive() {
  check_mpi(MPI_Irecv(inbox_.data(), static_cast<int>(inbox_.size()), MPI_BYTE, MPI_ANY_SOURCE,
                      MPI_ANY_TAG, comm_, &incoming_),
            "MPI_Irecv");
}

void MpiChannel::send_bytes(int to, Tag tag, std::span<const std::byte> bytes) {
  check(bytes.size() <= kMaxMessageBytes, ErrorCode::kInternal, "message of {} bytes",
        bytes.size());
  reap_sends();
  if (cut_off_.contains(to)) return;
  Outgoing& message = outgoing_.emplace_back();
  message.to = to;
  std::memcpy(message.bytes.data(), bytes.data(), bytes.size());
  const int code = MPI_Isend(message.bytes.data(), checked_cast<int>(bytes.size()), MPI_BYTE, to,
                             static_cast<int>(tag), comm_, &message.request);
  if (code == MPI_SUCCESS) return;
  outgoing_.pop_back();
  cut_off(to, code, "MPI_Isend");
}

// After one lost message the two may differ for ever about what was agreed.
void MpiChannel::cut_off(int peer, int code, const char* call) {
  if (peer == 0) check_mpi(code, call);  // the master is all that a worker has
  cut_off_.insert(peer);
}

void MpiChannel::reap_sends() {
  std::erase_if(outgoing_, [this](Outgoing& message) {
    int done = 0;
    const int code = MPI_Test(&message.request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS) cut_off(message.to, code, "MPI_Test");
    return code != MPI_SUCCESS || done != 0;
  });
}

std::vector<int> MpiChannel::dead_ranks() { return failed_ranks(comm_); }

bool MpiChannel::all_sent() {
  reap_sends();
  return std::all_of(outgoing_.begin(), outgoing_.end(),
                     [this](const Outgoing& message) { return cut_off_.contains(message.to); });
}

std::optional<Envelope> MpiChannel::poll() {
  int arrived = 0;
  MPI_Status status;
  const int code = MPI_Test(&incoming_, &arrived, &status);
  if (is_peer_failure(code)) {
    acknowledge_failures(comm_);  // the receive stays posted, unless it was the dead rank's message
    if (incoming_ == MPI_REQUEST_NULL) post_receive();
    return std::nullopt;
  }
  check_mpi(code, "MPI_Test");
  if (arrived == 0) return std::nullopt;
  int size = 0;
  check_mpi(MPI_Get_count(&status, MPI_BYTE, &size), "MPI_Get_count");
  Envelope envelope;
  envelope.from = status.MPI_SOURCE;
  envelope.tag = static_cast<Tag>(status.MPI_TAG);
  envelope.size = checked_cast<std::size_t>(size);
  std::memcpy(envelope.bytes.data(), inbox_.data(), envelope.size);
  post_receive();
  if (cut_off_.contains(envelope.from)) return std::nullopt;
  return envelope;
}

std::optional<Envelope> MpiChannel::receive(std::chrono::microseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto deadline = begin + patience;
  constexpr std::chrono::microseconds kSpin{50};
  constexpr std::chrono::microseconds kLongestNap{1000};
  std::chrono::microseconds nap = kSpin;
  for (;;) {
    if (auto envelope = poll()) return envelope;
    reap_sends();
    const auto now = Clock::now();
    if (now >= deadline) return std::nullopt;
    if (now - begin < kSpin) {
      std::this_thread::yield();
      continue;
    }
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - now);
    std::this_thread::sleep_for(std::min(nap, left));
    nap = std::min(nap * 2, kLongestNap);
  }
}

}  // namespace tilepool
