#include "serve_command.h"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/log.h"
#include "serve/file_server.h"
#include "stop_signal.h"

namespace tilepool {

int serve_command(const CommandLine& command) {
  FileServer server(command.run_dir, command.port);
  note_stop_signals();
  if (command.json) {
    fmt::print("{}\n", nlohmann::json{{"url", server.url()}}.dump());
  } else {
    fmt::print("{}\n", server.url());
  }
  std::fflush(stdout);  // it is read while the server runs
  log_info(
      "open this address in a browser of this machine; anybody who has it can read {}. Ctrl-C ends "
      "it. From elsewhere: ssh -L {}:127.0.0.1:{} and the same address",
      command.run_dir.string(), server.port(), server.port());
  server.run(stop_signalled);
  return 0;
}

}  // namespace tilepool
