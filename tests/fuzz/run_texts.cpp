#include <vector>

#include "common/model/options_json.h"
#include "common/run/calibration_file.h"
#include "common/run/exit_record.h"
#include "common/run/run_json.h"
#include "common/run/run_lock.h"
#include "common/run/status_json.h"
#include "fuzz.h"
#include "master/crash_notes.h"

using namespace tilepool;

namespace {

/// Work with singled-out indices is still the same work, less the hopeless.
void check_notes(const std::filesystem::path& folder) {
  const std::vector<CrashNote> notes = read_crash_notes(folder);
  std::vector<CrashNote> hopeless;
  const std::vector<WorkInterval> work = {{0, 1000}, {2000, ~std::uint64_t{0}}};
  std::uint64_t covered = 0;
  std::uint64_t end = 0;
  for (const WorkInterval& one : single_out(work, notes, 1, hopeless)) {
    fuzz::require(end <= one.first && one.first < one.last, "intervals are in order");
    end = one.last;
    covered += one.last - one.first;
  }
  fuzz::require(covered + hopeless.size() == 1000 + (~std::uint64_t{0} - 2000),
                "no index is lost or doubled");
}

}  // namespace

// The first byte chooses one of the small text files of a run directory, the rest is its content.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  const auto file = folder.write("file", text);
  fuzz::accepted([&] {
    switch (data[0]) {
      case 'r':
        return (void)options_to_json(read_run_json(file).options);
      case 's': {
        const std::string written = status_to_json(read_status(file));
        const auto again = folder.write("again", written);
        fuzz::require(status_to_json(read_status(again)) == written, "a status can be sent on");
        return;
      }
      case 'l':
        return (void)read_lock(file);
      case 'c':
        return (void)read_slide_calibration(file);
      case 'e':
        return (void)read_exit_record(file);
      case 'n':
        return check_notes(folder.path());
      default:
        return;
    }
  });
  return 0;
}
