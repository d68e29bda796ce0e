#pragma once

namespace tilepool {

/// From now on a signal that asks for the end (INT, TERM, HUP, USR1) is noted instead of ending the
/// process: for commands that leave nothing half done. A run has its own rules (job.cpp).
void note_stop_signals();
/// Whether one came since.
[[nodiscard]] bool stop_signalled();

}  // namespace tilepool
