#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "common/model/protocol.h"
#include "master/scheduler.h"

namespace tilepool {

/// One line that a crashed process left (common/base/crash_note.h).
struct CrashNote {
  WorkKind kind = WorkKind::kScan;
  std::uint32_t generation = 0;
  std::uint64_t index = 0;
  int signal = 0;
  int rank = -1;
  std::int64_t pid = 0;
};

/// All whole notes in `folder`; a missing folder has none.
[[nodiscard]] std::vector<CrashNote> read_crash_notes(const std::filesystem::path& folder);

/// Times that each of `work`'s indices crashed a process in earlier attempts of the run, as work:
/// such an index stands by itself, its attempts counted; the others as they were. Indices that are
/// to be given up (attempts >= limit) are taken out and returned in `hopeless`.
[[nodiscard]] std::vector<WorkInterval> single_out(const std::vector<WorkInterval>& work,
                                                   const std::vector<CrashNote>& notes,
                                                   std::uint32_t limit,
                                                   std::vector<CrashNote>& hopeless);

}  // namespace tilepool
