#include "stop_signal.h"

#include <csignal>
#include <initializer_list>

namespace tilepool {
namespace {

volatile std::sig_atomic_t noted_signal = 0;

}  // namespace

void note_stop_signals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { noted_signal = signal; };
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) ::sigaction(signal, &action, nullptr);
}

bool stop_signalled() { return noted_signal != 0; }

}  // namespace tilepool
