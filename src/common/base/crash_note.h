#pragma once

#include <cstdint>
#include <filesystem>

namespace tilepool {

/// What a thread is working on, told to the crash note if the process dies of a fault of its own
/// while the object lives. One at a time per thread.
class InHand {
 public:
  InHand(std::uint32_t kind, std::uint32_t generation, std::uint64_t index) noexcept;
  ~InHand();
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;
};

/// Makes a crash of this process (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) of a thread with
/// something in hand leave one line "kind generation index signal rank pid" under `file` before the
/// process dies as it would have. `file` must not exist. The handler is async-signal-safe. The
/// handlers that were there before run afterwards.
void write_crash_note_to(const std::filesystem::path& file, int rank);

}  // namespace tilepool
