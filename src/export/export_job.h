#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/run/cell_scores.h"
#include "common/run/results_reader.h"
#include "export/export_watch.h"

namespace tilepool {

/// Which tiles the formats of tile corners list.
enum class TileChoice { kPool, kSample };

/// What the review pages show.
struct ReviewChoice {
  std::int64_t crop_px = 200;        ///< edge of a cell's picture, level-0 px, 32..1024
  std::uint64_t max_cells = 100000;  ///< a larger run is shown in part, see CellChoice
};

struct SlideLeftOut {
  std::string format;  ///< empty: of all formats
  std::string slide, reason;
};

/// What a writer of a folder did.
struct FolderWritten {
  std::uint64_t rows = 0;
  std::vector<SlideLeftOut> left_out;  ///< slides that are in it only in part
};

/// What every writer is given.
struct ExportJob {
  const ResultsReader& results;
  const CellScores& scores;
  TileChoice tiles = TileChoice::kPool;
  ReviewChoice review;
  std::filesystem::path run_dir;
  ExportWatch& watch;
};

/// The writers: one file of a format, whole, under `path`, which is a temporary name. They read by
/// pieces: what they take of memory does not grow with the cells. All throw Error(kIo) where a file
/// cannot be written, Error(kHdf5) where results.h5 is damaged, and what the watch throws.
/// Each returns the rows (cells, tiles or slides) in its file.

/// QuPath 0.5 and later (0.4 reads no undefined features): a FeatureCollection of detections, gzip.
std::uint64_t write_geojson(const ExportJob& job, const ResultsSlide& slide,
                            const std::filesystem::path& path);
/// RFC 4180, one line a cell.
std::uint64_t write_cells_csv(const ExportJob& job, const ResultsSlide& slide,
                              const std::filesystem::path& path);
/// RFC 4180, one line a slide, whatever became of it.
std::uint64_t write_cohort_csv(const ExportJob& job, const std::filesystem::path& path);
/// AnnData (on-disk format 0.1.0, as anndata 0.8 and later read it): all slides that succeeded.
std::uint64_t write_h5ad(const ExportJob& job, const std::filesystem::path& path);
/// TIAToolbox's SQLiteStore 1.0.1.
std::uint64_t write_annotation_store(const ExportJob& job, const ResultsSlide& slide,
                                     const std::filesystem::path& path);
/// Corners of tiles with the attributes that CLAM's Whole_Slide_Bag_FP reads.
std::uint64_t write_clam(const ExportJob& job, const ResultsSlide& slide,
                         const std::filesystem::path& path);
/// The same for TRIDENT's read_coords. The slide's mpp must be known and below 2.4 um/px.
std::uint64_t write_trident(const ExportJob& job, const ResultsSlide& slide,
                            const std::filesystem::path& path);

/// NumPy's format: uint8 [patches, size, size, 3], from the pixels that the run kept.
std::uint64_t write_npy(const ExportJob& job, const ResultsSlide& slide,
                        const std::filesystem::path& path);

/// Pages on which people label cells, in `folder`, which is there and empty: index.html and what it
/// loads (docs/review.md). Reads the slides again. Memory grows with the cells shown.
FolderWritten write_review(const ExportJob& job, const std::filesystem::path& folder);

/// Why write_trident cannot take the slide, else empty.
[[nodiscard]] std::string_view why_no_trident(const ResultsSlide& slide);

}  // namespace tilepool
