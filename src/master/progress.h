#pragma once

#include <cstdint>
#include <string>

#include "common/run/status_json.h"

namespace tilepool {

/// Tells a person on stderr how the run goes: one line that is rewritten on a terminal, else one
/// line every ten seconds. Quiet prints nothing.
class Progress {
 public:
  explicit Progress(bool quiet);
  /// `now_s` on the run's own clock.
  void show(const RunStatus& status, double now_s);
  /// Ends a rewritten line, so that other output starts on a line of its own.
  void clear();

 private:
  bool quiet_;
  bool terminal_;
  bool open_line_ = false;
  double next_s_ = 0;
};

/// "processing  412/1159 tiles  3.1 tiles/s  ETA 4 min 01 s  2/2 workers  812.00 MiB resident"
[[nodiscard]] std::string progress_line(const RunStatus& status);

}  // namespace tilepool
