#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// What `tilepool doctor` says of one thing.
struct Finding {
  enum class Health { kPass, kWarn, kFail };
  /// Whom a failure concerns: decides the exit code.
  enum class Area { kMachine, kFiles, kConfig };

  Health health = Health::kPass;
  Area area = Area::kMachine;
  std::string check;   ///< "parallel HDF5"
  std::string found;   ///< what is there; one line
  std::string remedy;  ///< the way out; empty when all is well
};

/// What main knows of the job; all may be empty.
struct DoctorInput {
  std::filesystem::path run_dir;  ///< where a run would write; need not exist
  std::string config;             ///< name of the configuration, empty: none given
  std::string config_problem;     ///< why it cannot be used (may have several lines)
  std::vector<SlideSpec> slides;  ///< its cohort
  std::string stage;              ///< its /workers/stage, empty: none
  Reader reader = Reader::kAuto;  ///< its /workers/reader
};

/// Examines libraries, launcher, cores, memory, shared memory, GPU, the run directory's file system
/// (by writing, renaming and locking a file beside it, removed again), the folder for copies of
/// slides, and opens every slide.
/// Needs no MPI_Init; creates no run directory. A slide that cannot be opened is a warning, as the
/// run goes on without it; no slide that can be is a failure.
[[nodiscard]] std::vector<Finding> examine(const DoctorInput& input);

/// One line a finding, "PASS  check: found", the remedy below it; then a line that counts them.
[[nodiscard]] std::string findings_text(const std::vector<Finding>& findings, bool colour);
/// {"checks": [{"check", "status", "found", "remedy"}], "pass": n, "warn": n, "fail": n}
[[nodiscard]] std::string findings_json(const std::vector<Finding>& findings);

/// 0 without failures; 74 when a file system fails, else 78.
[[nodiscard]] int doctor_exit_code(const std::vector<Finding>& findings);

}  // namespace tilepool
