#include "loss_trial.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/run/atomic_file.h"
#include "common/run/status_json.h"
#include "common/run/temporary_folder.h"
#include "launch/launch.h"
#include "synth/synthesise.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
constexpr const char* kCheck = "a killed worker";

int launch_with_a_death(const fs::path& folder, const fs::path& run_dir) {
  synthesise_cohort(folder, 1, 2048, 1);
  const fs::path config = folder / "config.json";
  write_file_atomically(config, R"({"slides": ["*.tif"], "tiles": {"size_px": 256, "halo_px": 32},
 "sample": {"fraction": 1.0}, "workers": {"device": "cpu", "readers": 0},
 "run": {"range_tiles": 4, "silent_limit_s": 10, "heartbeat_s": 0.5}})");
  ::setenv("TILEPOOL_FAULT", "at=compute do=kill rank=1 nth=3", 1);
  const int code =
      launch({.ranks = 3,
              .hostfile = "",
              .restarts = 0,
              .command = {"run", config.string(), "--run-dir", run_dir.string(), "--quiet"},
              .run_dir = run_dir,
              .silent_limit_s = 10,
              .quiet = true});
  ::unsetenv("TILEPOOL_FAULT");
  return code;
}

}  // namespace

Finding try_a_loss(const fs::path& run_dir) {
  using Health = Finding::Health;
  try {
    // Beside where a run would write: on the file system that runs will use.
    const fs::path runs = fs::absolute(run_dir.empty() ? fs::path("runs") : run_dir).parent_path();
    const TemporaryFolder folder(runs / "tilepool-doctor");
    const fs::path trial = folder.path() / "run";
    fs::create_directories(trial);
    const int code = launch_with_a_death(folder.path(), trial);
    if (code == 75)
      return {Health::kWarn, Finding::Area::kMachine, kCheck, "ended the run (exit code 75)",
              "the same command resumes it; `tilepool launch --restarts N` does so by itself"};
    const RunStatus status = read_status(trial / "status.json");
    const bool lost = std::any_of(status.ranks.begin(), status.ranks.end(),
                                  [](const RankStatus& rank) { return !rank.alive; });
    if (code == 0 && lost)
      return {
          Health::kPass, Finding::Area::kMachine, kCheck,
          fmt::format("the other one did all {} tiles and the run ended with 0", status.tiles_done),
          ""};
    return {Health::kFail, Finding::Area::kMachine, kCheck,
            fmt::format("the run ended with {}", code),
            "see above what mpirun says, and tilepool status of a run that fails"};
  } catch (const Error& error) {
    return {Health::kFail, Finding::Area::kMachine, kCheck, one_line(error.what()),
            "mend this first; then try again"};
  }
}

}  // namespace tilepool
