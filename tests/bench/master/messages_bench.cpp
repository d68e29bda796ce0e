// How many messages a second can the master take and answer, measured with real ranks, and what
// would 10,000 workers ask of it?
//   mpirun -n 3 build/release/bin/messages_bench [SECONDS]
// Each worker sends heartbeats as fast as they are answered, 32 under way. Last result:
// docs/performance.md.
#include <chrono>
#include <cstdlib>

#include <fmt/core.h>

#include "common/mpi/mpi_channel.h"
#include "common/mpi/runtime.h"

namespace {

using namespace tilepool;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

void answer(Channel& channel, double limit_s) {
  const auto begin = Clock::now();
  std::uint64_t messages = 0;
  while (since(begin) < limit_s)
    for (int burst = 0; burst < 1000; ++burst)
      if (const auto message = channel.receive(std::chrono::microseconds(100))) {
        channel.send(message->from, Alive{++messages});
      }
  const double rate = static_cast<double>(messages) / since(begin);
  for (int rank = 1; rank < channel.size(); ++rank) channel.send(rank, Exit{});
  constexpr double kWorkers = 10000;
  fmt::print(
      "master with {} workers: {:.0f} messages/s taken and answered\n"
      "10,000 workers with a heartbeat a second and a range of 64 tiles of 2 s on 8 threads (2 "
      "messages) each 16 s: {:.0f} messages/s, {:.1f} % of that\n",
      channel.size() - 1, rate, kWorkers * (1 + 2 / 16.0), 100 * kWorkers * (1 + 2 / 16.0) / rate);
}

void ask(Channel& channel) {
  constexpr int kUnderWay = 32;
  for (int i = 0; i < kUnderWay; ++i) channel.send(0, Heartbeat{});
  for (;;) {
    const auto message = channel.receive(std::chrono::milliseconds(1));
    if (!message) continue;
    if (message->tag == Tag::kExit) return;
    channel.send(0, Heartbeat{});
  }
}

}  // namespace

int main(int argc, char** argv) {
  MpiRuntime mpi(&argc, &argv);
  MpiChannel channel(mpi.messages());
  if (mpi.rank() == 0)
    answer(channel, argc > 1 ? std::atof(argv[1]) : 3);
  else
    ask(channel);
  const auto begin = Clock::now();
  while (since(begin) < 0.2) (void)channel.receive(std::chrono::milliseconds(1));
}
