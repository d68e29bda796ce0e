#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "common/base/error.h"

namespace tilepool {

/// Master and workers speak in fixed structs far below 4 KiB (a rank killed in the middle of a
/// large message leaves its receiver matched for ever; small ones arrive whole or not at all). What
/// is large goes through a committed file that a message announces.

/// Frozen numbers: never renumber, only append.
enum class Tag : std::int32_t {
  kHello = 1,      ///< worker -> master: who I am and what I can
  kBegin = 2,      ///< master -> worker: run.json is in place; sizes of the job
  kWork = 3,       ///< master -> worker: one lease
  kCommitted = 4,  ///< worker -> master: part of a lease is durable
  kFinished = 5,   ///< worker -> master: a lease ended (done, failed, dropped)
  kHeartbeat = 6,  ///< worker -> master: alive, progress, memory
  kCancel = 7,     ///< master -> worker: drop this lease, or its back: another does it
  kStop = 8,       ///< either way: stop on purpose; finish or drop what is in hand
  kPack = 9,       ///< master -> worker: join the collective pack
  kExit = 10,      ///< master -> worker: leave with this exit code
  kAlive = 11,     ///< master -> worker: the answer to a heartbeat
};

enum class WorkKind : std::uint32_t {
  kScan = 1,       ///< [first, last): indices of slides in the cohort
  kCalibrate = 2,  ///< [first, last): indices of slides in the plan
  kRange = 3,      ///< [first, last): sample indices of the plan
  kStrip = 4,      ///< [first, last): strip_index() of one slide's strips
};

/// The work index of a strip: strips of one slide are consecutive.
inline constexpr std::uint64_t kMaxStrips = 65536;
[[nodiscard]] constexpr std::uint64_t strip_index(std::uint64_t slide, std::uint64_t strip) {
  return slide * kMaxStrips + strip;
}

enum class LeaseEnd : std::uint32_t {
  kDone = 1,
  kFailed = 2,
  kDropped = 3,  ///< not finished: cancelled or stopping
  kChanged = 4,  ///< scan: the slide is no longer the one that the plan was made from
  kStrips = 5,   ///< scan: so large that its strips must be read first
};

template <std::size_t N>
struct FixedText {
  std::array<char, N> bytes{};
  /// Cuts what does not fit; always zero-terminated.
  void set(std::string_view text) {
    bytes.fill(0);
    std::memcpy(bytes.data(), text.data(), text.size() < N ? text.size() : N - 1);
  }
  [[nodiscard]] std::string_view view() const {
    const void* end = std::memchr(bytes.data(), 0, N);
    return {bytes.data(), end == nullptr ? N
                                         : static_cast<std::size_t>(static_cast<const char*>(end) -
                                                                    bytes.data())};
  }
};

inline constexpr std::uint64_t kProtocolVersion = 3;

struct Hello {
  static constexpr Tag kTag = Tag::kHello;
  std::uint64_t protocol_version = kProtocolVersion;
  std::uint64_t pid = 0;
  std::uint64_t cores = 0;                  ///< granted to this rank
  std::uint64_t threads = 0;                ///< that compute or read
  std::uint64_t budget_bytes = 0;           ///< host budget of the rank
  std::uint64_t smallest_budget_bytes = 0;  ///< that would do; > budget_bytes means refused
  std::uint64_t start_ticks = 0;            ///< of the process, see common/base/process.h
  FixedText<64> host;
  FixedText<64> device;
  FixedText<64> gpu_uuid;                 ///< of the card that it computes on; empty: the CPU
  std::uint64_t device_budget_bytes = 0;  ///< of the GPU's memory, for this rank; 0: the CPU
  std::uint64_t gpus_visible = 0;         ///< to this rank
  std::uint64_t gpus_granted = 0;         ///< by the batch system on this node; 0: it does not tell
  FixedText<128> process_space;           ///< in which `pid` means something
};

struct Begin {
  static constexpr Tag kTag = Tag::kBegin;
  std::uint64_t slides = 0;
};

struct Work {
  static constexpr Tag kTag = Tag::kWork;
  std::uint64_t lease = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< one past the end
  WorkKind kind = WorkKind::kScan;
  std::uint32_t generation = 0;  ///< of the plan, for ranges
};

struct Committed {
  static constexpr Tag kTag = Tag::kCommitted;
  std::uint64_t lease = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< one past the end
  std::uint64_t tiles = 0;
  std::uint64_t tiles_failed = 0;
  std::uint64_t cells = 0;
  double seconds = 0;  ///< reading and computing, summed over tiles
};

struct Finished {
  static constexpr Tag kTag = Tag::kFinished;
  std::uint64_t lease = 0;
  LeaseEnd end = LeaseEnd::kDone;
  std::uint32_t error_code = 0;  ///< ErrorCode when failed
  FixedText<512> reason;         ///< one line when failed
  std::uint64_t strips = 0;      ///< with kStrips: how many
  FixedText<32> fingerprint;     ///< with kStrips: of the slide
};

struct Heartbeat {
  static constexpr Tag kTag = Tag::kHeartbeat;
  std::uint64_t progress = 0;  ///< grows with every step of work that gets anywhere
  std::uint64_t leases = 0;    ///< that it holds, ranges and slides
  std::uint64_t lease = 0;     ///< the range in which the next tile to begin lies; 0: none
  std::uint64_t begun = 0;     ///< everything before this sample index is begun
  std::uint64_t tiles_done = 0;
  std::uint64_t rss_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t pixels_read = 0;
  double read_s = 0;     ///< summed over threads
  double compute_s = 0;  ///< summed over threads
  double commit_s = 0;
  double wait_read_s = 0, wait_commit_s = 0, wait_lease_s = 0;  ///< computing threads, summed
  double device_busy_s = 0;             ///< the GPU was computing something; 0 on the CPU
  std::uint64_t device_peak_bytes = 0;  ///< of the GPU's memory, by this rank
  std::uint64_t staged_slides = 0;      ///< that this rank copied to its node's disk
  std::uint64_t staged_bytes = 0;       ///< of those
};

struct Cancel {
  static constexpr Tag kTag = Tag::kCancel;
  std::uint64_t lease = 0;
  std::uint64_t keep_until = 0;  ///< 0: drop all of it, else what is at or behind this index
};

struct Stop {
  static constexpr Tag kTag = Tag::kStop;
  std::uint64_t signal = 0;  ///< 0: not by a signal
};

/// Ranks that were lost do not pack. With more losses than fit here the master packs alone.
inline constexpr std::size_t kMaxLostPackers = 200;

struct Pack {
  static constexpr Tag kTag = Tag::kPack;
  std::uint64_t block_bytes = 0;
  std::uint64_t shrink =
      0;  ///< 1: the library knows the lost as dead and must leave them out first
  std::uint64_t n_lost = 0;
  std::array<std::int32_t, kMaxLostPackers> lost{};
};

struct Exit {
  static constexpr Tag kTag = Tag::kExit;
  std::int64_t code = 0;
  std::uint64_t lost_ranks = 0;  ///< > 0: a rank is dead, so MPI must not be finalized
};

struct Alive {
  static constexpr Tag kTag = Tag::kAlive;
  std::uint64_t heartbeats = 0;  ///< that the master had of this worker
};

inline constexpr std::size_t kMaxMessageBytes = 1024;

template <class T>
concept Message = std::is_trivially_copyable_v<T> && sizeof(T) <=
                  kMaxMessageBytes&& std::is_same_v<std::remove_const_t<decltype(T::kTag)>, Tag>;

/// A received message of any kind.
struct Envelope {
  int from = -1;
  Tag tag = Tag::kHello;
  std::size_t size = 0;
  std::array<std::byte, kMaxMessageBytes> bytes{};

  /// The payload as T; Error(kProtocol) when tag or size are not T's.
  template <Message T>
  [[nodiscard]] T as() const {
    check(tag == T::kTag && size == sizeof(T), ErrorCode::kProtocol,
          "rank {} sent tag {} with {} bytes where tag {} with {} was expected", from,
          static_cast<int>(tag), size, static_cast<int>(T::kTag), sizeof(T));
    T message;
    std::memcpy(&message, bytes.data(), sizeof(T));
    return message;
  }
};

// No padding: what is sent is fully defined. (double members rule out unique representations.)
static_assert(std::has_unique_object_representations_v<Hello>);
static_assert(std::has_unique_object_representations_v<Work>);
static_assert(std::has_unique_object_representations_v<Finished>);
static_assert(sizeof(Committed) == 7 * sizeof(std::uint64_t));
static_assert(sizeof(Heartbeat) == 18 * sizeof(std::uint64_t));
static_assert(std::has_unique_object_representations_v<Pack>);

}  // namespace tilepool
