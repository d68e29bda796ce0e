#include "master/crash_notes.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

namespace tilepool {

std::vector<CrashNote> read_crash_notes(const std::filesystem::path& folder) {
  std::vector<CrashNote> notes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::ifstream stream(entry.path());
    CrashNote note;
    std::uint32_t kind = 0;
    if (stream >> kind >> note.generation >> note.index >> note.signal >> note.rank >> note.pid) {
      note.kind = static_cast<WorkKind>(kind);
      notes.push_back(note);
    }
  }
  return notes;
}

std::vector<WorkInterval> single_out(const std::vector<WorkInterval>& work,
                                     const std::vector<CrashNote>& notes, std::uint32_t limit,
                                     std::vector<CrashNote>& hopeless) {
  std::map<std::uint64_t, std::pair<std::uint32_t, CrashNote>> crashes;
  for (const CrashNote& note : notes) {
    auto& [count, last] = crashes[note.index];
    ++count;
    last = note;
  }
  std::vector<WorkInterval> result;
  for (WorkInterval rest : work) {
    for (auto at = crashes.lower_bound(rest.first); at != crashes.end() && at->first < rest.last;
         ++at) {
      const auto& [index, crash] = *at;
      if (rest.first < index) result.push_back({rest.first, index, rest.attempts, rest.kills});
      if (crash.first >= limit)
        hopeless.push_back(crash.second);
      else
        result.push_back({index, index + 1, rest.attempts + crash.first, rest.kills});
      rest.first = index + 1;
    }
    if (rest.first < rest.last) result.push_back(rest);
  }
  return result;
}

}  // namespace tilepool
