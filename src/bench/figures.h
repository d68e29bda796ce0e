#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// What `tilepool bench` measured. Rates in Mpx/s count the analysis pixels of tiles with their
/// halos, 10^6 a second, so that all can be compared.

/// A rate with so many threads: the median of `repeats`.
struct ThreadRate {
  int threads = 1;
  double mpx_s = 0;
  int repeats = 0;
};

/// The file system, where a slide's file lies. Nothing is known when `problem` is set.
struct FileFigures {
  double bytes_s = 0;                ///< read in order, by one thread
  double random_read_s = 0;          ///< one read of random_bytes anywhere
  std::uint64_t random_bytes = 0;    ///< about one JPEG tile
  double bytes_per_px = 0;           ///< file bytes for an analysis pixel
  std::uint64_t measured_bytes = 0;  ///< read in order, all repeats
  std::string problem;
  [[nodiscard]] double mpx_s() const {
    return bytes_per_px > 0 ? bytes_s / bytes_per_px * 1e-6 : 0;
  }
};

/// Decoding the JPEG tiles that the windows touch, from memory.
struct LimitFigures {
  std::vector<ThreadRate> rates;
  std::uint64_t jpeg_tiles = 0;
  double mean_bytes = 0;     ///< of a JPEG tile
  double mean_px = 0;        ///< analysis pixels of a JPEG tile
  double touched_ratio = 0;  ///< pixels of JPEG tiles that a window touches, over its own
  std::string problem;       ///< why it is not known for this slide; empty: it is
};

/// One way to read the slide.
struct SourceFigures {
  std::string name;  ///< "direct" or "openslide"
  std::vector<ThreadRate> rates;
};

struct SlideFigures {
  std::string id, path;
  std::string problem;  ///< why the slide was left out; empty: it was measured
  std::string vendor;
  std::string reader;  ///< what /workers/reader makes of it, with the reason
  std::uint64_t file_bytes = 0;
  std::string places;       ///< how the tiles were chosen, in words
  std::uint64_t tiles = 0;  ///< windows that were read in turn
  double mpx = 0;           ///< of all of them together
  FileFigures file;
  LimitFigures limit;
  std::vector<SourceFigures> sources;
};

/// A run of the configured job on the measured slides. Nothing is known when `problem` is set.
struct JobFigures {
  std::string problem;
  std::string device;  ///< "cpu" or the card's name
  int threads = 0;     ///< that compute
  std::uint64_t sample = 0, tiles = 0, tiles_failed = 0;
  double pooling_s = 0, pooled_tiles_s = 0;  ///< scan and plan; tiles of the grid that were judged
  double processing_s = 0, whole_s = 0;      ///< of the last attempt
  double tiles_s = 0, mpx_s = 0;             ///< while tiles were processed
  /// Shares of the computing threads' time, together 1.
  double computing = 0, wait_read = 0, wait_commit = 0, wait_lease = 0;
  std::optional<double> gpu_busy;  ///< share of processing; nullopt: the CPU computes
};

struct BenchFigures {
  std::string config, date;
  std::string host, cpu;  ///< cpu: the processor's name
  int cores = 1;          ///< granted
  int threads = 1;        ///< the most that were tried
  std::int64_t size_px = 0, halo_px = 0;
  TaskKind task = TaskKind::kSegment;
  double seconds_asked = 0, seconds_spent = 0;
  std::vector<std::pair<std::string, std::string>> versions;
  std::vector<std::string> notes;  ///< what else a reader should know
  std::vector<SlideFigures> slides;
  JobFigures job;
};

}  // namespace tilepool
