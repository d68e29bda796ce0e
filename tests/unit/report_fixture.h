#pragma once

#include <filesystem>
#include <string>

namespace tilepool::testing {

/// How far the run of the fixture has come.
enum class FixtureStage {
  kStarted,   ///< run.json and status.json only
  kHalfWay,   ///< planned, half of the sample is committed, the heartbeat is fresh
  kDead,      ///< the same, an hour after the last heartbeat
  kFinished,  ///< exit code 3
};

/// What is known of the fixture beforehand: four slides, repeated `copies` times.
///   "a<script>alert(1)</script>&"  success, 2 of 18 sampled tiles failed
///   "b fluor"                      fluorescence, success
///   "c broken"                     failed while scanning
///   "d blank"                      skipped
struct FixtureFacts {
  std::int64_t grid = 0, pool = 0, sample = 0, done = 0, failed = 0, cells = 0;
};

/// The id of slide `kind` (0..3) of copy `copy`.
[[nodiscard]] std::string fixture_slide_id(int kind, int copy);

/// Writes a run directory by the writers that a run uses.
FixtureFacts write_fixture(const std::filesystem::path& run_dir, FixtureStage stage, int copies);

}  // namespace tilepool::testing
