#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "export/formats.h"

namespace tilepool {

struct ExportRequest {
  std::filesystem::path run_dir, out;
  std::vector<const ExportFormat*> formats;
  TileChoice tiles = TileChoice::kPool;
  ReviewChoice review;
};

struct ExportedFile {
  std::string format;
  std::string slide;  ///< its id; empty: of the cohort
  std::filesystem::path path;
  std::uint64_t rows = 0;  ///< cells, tiles or slides
};

struct ExportOutcome {
  std::vector<ExportedFile> files;
  std::vector<SlideLeftOut> left_out;
};

/// Writes the results of a finished run in other programs' formats. Each file is written under a
/// temporary name in `out`, which is made, and renamed when it is whole; one that is there is
/// replaced; so is a folder of the cohort. Slides that failed or were skipped are left out.
/// `stopped` is asked now and then: true ends it. Throws Error(kNoInput) where the run is not
/// finished or has no cells for a format that needs them, Error(kUsage) where `out` is a folder of
/// the run's own files, before anything is written; Error(kIo), Error(kHdf5), Error(kStopped).
[[nodiscard]] ExportOutcome export_run(const ExportRequest& request, std::function<bool()> stopped);

}  // namespace tilepool
