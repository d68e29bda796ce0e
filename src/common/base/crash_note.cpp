#include "common/base/crash_note.h"

#include <array>
#include <charconv>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

struct Work {
  std::uint64_t index = 0;
  std::uint32_t kind = 0;  ///< 0: nothing
  std::uint32_t generation = 0;
};
thread_local Work in_hand;

constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
std::array<struct sigaction, kSignals.size()> before{};
std::array<char, 4096> note_file{};
int note_rank = 0;

// Only what signal-safety(7) allows: to_chars touches nothing but its buffer.
void write_note(int signal) {
  std::array<char, 128> line{};
  char* at = line.data();
  char* const end = line.data() + line.size() - 1;
  const auto put = [&](auto value, char after) {
    at = std::to_chars(at, end, value).ptr;
    *at++ = after;
  };
  put(in_hand.kind, ' ');
  put(in_hand.generation, ' ');
  put(in_hand.index, ' ');
  put(signal, ' ');
  put(note_rank, ' ');
  put(::getpid(), '\n');
  const int file = ::open(note_file.data(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return;
  (void)!::write(file, line.data(), static_cast<std::size_t>(at - line.data()));
  ::close(file);
}

void on_crash(int signal) {
  if (in_hand.kind != 0) write_note(signal);
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    if (kSignals[i] == signal) ::sigaction(signal, &before[i], nullptr);
  ::raise(signal);
}

}  // namespace

InHand::InHand(std::uint32_t kind, std::uint32_t generation, std::uint64_t index) noexcept {
  in_hand = {index, kind, generation};
}

InHand::~InHand() { in_hand = {}; }

void write_crash_note_to(const std::filesystem::path& file, int rank) {
  const std::string& name = file.native();
  check(name.size() < note_file.size(), ErrorCode::kIo, "{}: the path is too long", name);
  std::memcpy(note_file.data(), name.c_str(), name.size() + 1);
  note_rank = rank;
  struct sigaction action {};
  action.sa_handler = on_crash;
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &action, &before[i]);
}

}  // namespace tilepool
