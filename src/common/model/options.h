#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/stain_profile.h"

namespace tilepool {

/// The configuration as typed values, defaults included. docs/configuration.md explains each key;
/// model/options_schema.* binds JSON pointers to these members and checks types and ranges.

/// One entry of "slides": a glob or path, with what the person said about it.
struct SlideEntry {
  std::string path;           ///< path or glob (** descends)
  std::string id;             ///< empty: file name without extension
  std::string group;          ///< free text for stratified sampling and reports; may be empty
  std::optional<double> mpp;  ///< micrometres per level-0 pixel; nullopt: from the slide
  std::string annotations;    ///< file of its regions; empty: looked for in /annotations/folder
};

/// A group of annotated regions that has a value in class masks.
struct AnnotationClass {
  std::string name;        ///< a group's or a region's
  std::uint8_t value = 1;  ///< 1..255; 0 is what no region covers
  [[nodiscard]] bool operator==(const AnnotationClass&) const = default;
};

/// Regions that people drew, and what they are for. Names are those of groups or single regions.
struct AnnotationOptions {
  std::optional<std::string> folder;     ///< of files named like the slides
  std::vector<std::string> include;      ///< only tissue in these is pooled; empty: all tissue
  std::vector<std::string> exclude;      ///< tissue in these is not
  std::vector<AnnotationClass> classes;  ///< painted in this order, so that the last one wins

  /// Whether the files have to be read at all.
  [[nodiscard]] bool used() const {
    return !include.empty() || !exclude.empty() || !classes.empty();
  }
};

struct TileOptions {
  std::int64_t size_px = 3000;  ///< core edge in analysis pixels, 16..32768
  std::int64_t halo_px = 128;   ///< pixels read around the core, 0..4096
  std::optional<double> mpp;    ///< analysis resolution um/px; nullopt: level 0 as scanned
};

enum class TissueMethod { kOtsu, kHsv, kOtsuAndHsv, kOtsuOrHsv, kVariance };

struct TissueOptions {
  TissueMethod method = TissueMethod::kOtsu;
  double min_fraction = 0.15;    ///< a tile with at least this share of tissue is in the pool, 0..1
  bool exact = false;            ///< judge tiles near min_fraction by their level-0 pixels
  double scan_mpp = 8.0;         ///< resolution at which tissue is judged, um/px, 1..64
  double min_object_um2 = 4000;  ///< smaller pieces of tissue are dropped
  double max_hole_um2 = 4000;    ///< smaller holes in tissue are filled
  std::int64_t scan_strip_mpx = 256;  ///< a slide with more to read is cut, 1..1000000 (10^6 px)
};

enum class Stratify { kNone, kSlide, kGroup };

struct SampleOptions {
  double fraction = 0.10;             ///< share of the pool, (0, 1]
  std::optional<std::int64_t> count;  ///< exact number instead of a share, >= 1
  std::uint64_t seed = 42;
  Stratify stratify_by = Stratify::kNone;
};

enum class TaskKind {
  kSegment,       ///< cells: labels, contours, features
  kTileFeatures,  ///< one row of colour statistics a tile; needs no micrometres
  kPatches,       ///< squares cut out of the tiles, as places or with their pixels
};
enum class Modality { kAuto, kBrightfield, kFluorescence };
enum class StainMethod {
  kMacenko,  ///< vectors estimated per slide by calibration
  kHe,       ///< Ruifrok & Johnston 2001, haematoxylin and eosin
  kHdab,     ///< Ruifrok & Johnston 2001, haematoxylin and DAB
};

struct CellClass {
  std::string name;
  double min_area_um2 = 10;
  double max_area_um2 = 400;
  std::optional<std::string> classifier;  ///< file of a model that scores the cells at the end
};

/// Lengths are micrometres and become pixels through each slide's own mpp.
struct SegmentOptions {
  Modality modality = Modality::kAuto;
  StainMethod stain = StainMethod::kMacenko;
  double smooth_um = 0.2;        ///< sigma of the Gaussian smoothing, 0..10
  double local_radius_um = 9.0;  ///< half edge of the local mean's window, 1..100
  double local_weight = 0.8;     ///< threshold = (1-w) * slide's Otsu + w * local mean, 0..1
  double opening_um = 0.75;      ///< radius of the opening that removes threads, 0..10
  double max_hole_um2 = 20.0;    ///< holes up to this area are filled
  double split_depth_um = 0.3;   ///< a neck this much narrower than its lobes splits a cell, 0..20
  double split_contrast_um = 2.0;  ///< weight of a pale seam: 1 slide's 99th percentile counts as
                                   ///< this much half width, 0..20
  double split_fill = 0.95;        ///< pieces that fill their ellipse to this share stay one cell,
                                   ///< 0..2; above 1 never
  double split_smooth_um = 0.2;    ///< sigma that smooths the height map before splitting, 0..10
  double trim_um = 0.75;           ///< radius of the opening of each cell after splitting, 0..10
  double grow_um = 0.0;            ///< cells grow by this much at the end, 0..10
  double stained_od = 0.2;  ///< darkest channel's density above which a pixel is stained, 0..1
  double dark_od = 0.6;     ///< optical density above which a pixel counts as dark, 0..3
  std::vector<CellClass> classes = {{"nucleus", 10, 400}};
};

/// Where the pixels of patches go.
enum class PatchPixels {
  kNone,     ///< nowhere: places only
  kResults,  ///< /patches/pixels of results.h5
  kNpy,      ///< patches/<slide>.npy
  kPng,      ///< patches/<slide>/<x>_<y>.png
  kJpeg,     ///< patches/<slide>/<x>_<y>.jpg
};

/// Squares on a lattice that begins at the slide's corner; lengths are analysis pixels. A patch
/// belongs to the tile whose core holds its corner.
struct PatchOptions {
  std::int64_t size_px = 256;             ///< 16..4096
  std::optional<std::int64_t> stride_px;  ///< nullopt: size_px; 1..32768
  std::int64_t level = 0;   ///< analysis pixels are those of this pyramid level, 0..63
  bool pad = false;         ///< take patches that stick out of the slide, white beyond it
  double min_tissue = 0.5;  ///< least share of tissue on the scan, 0..1
  double max_white = 1;     ///< most share of pixels with min(R, G, B) >= white_level
  double max_black = 1;     ///< most share of pixels with max(R, G, B) <= black_level
  std::int64_t white_level = 220, black_level = 30;  ///< 0..255
  double min_sharpness = 0;  ///< least variance of the grey Laplacian, 0..1e6
  PatchPixels pixels = PatchPixels::kNone;
  std::int64_t jpeg_quality = 90;  ///< 1..100
  bool one_by_one = false;         ///< read each patch by itself; the same result, slower

  [[nodiscard]] std::int64_t stride() const { return stride_px.value_or(size_px); }
};

enum class StainNormalisation { kNone, kMacenko, kReinhard };

/// How the colours of all slides are made alike before a task sees them.
struct StainOptions {
  StainNormalisation normalise = StainNormalisation::kNone;
  std::optional<std::string> reference;  ///< slide or saved profile whose look all get
  std::optional<StainProfile> target;    ///< that look; of `normalise`'s method
};

struct CalibrationOptions {
  std::int64_t tiles_per_slide = 100;  ///< calibration patches per slide, 1..10000
  std::int64_t patch_px = 512;         ///< edge of a calibration patch in analysis pixels, 64..4096
};

struct MemoryOptions {
  std::optional<std::size_t> host_per_rank;    ///< bytes; nullopt: auto
  std::optional<std::size_t> device_per_rank;  ///< bytes; nullopt: auto
};

enum class Device { kAuto, kCpu, kCuda };

/// What reads the pixels: tilepool's own reader of JPEG tiles in TIFF where it can, or OpenSlide.
enum class Reader { kAuto, kOpenSlide, kDirect };

struct WorkerOptions {
  Device device = Device::kAuto;
  Reader reader = Reader::kAuto;
  std::int64_t readers = -1;         ///< -1 all cores granted, 0 one thread for all, N threads
  std::int64_t open_slides = 4;      ///< slides that a rank keeps open at most, 1..64
  std::optional<std::string> stage;  ///< absolute; each node's folder for copies of slides
  std::optional<std::size_t> stage_limit;  ///< bytes on each node; nullopt: 90 % of what is free
};

enum class Codec { kNone, kGzip, kLz4 };

struct OutputOptions {
  Codec codec = Codec::kGzip;
  int gzip_level = 1;  ///< 1..9
};

struct RunOptions {
  double heartbeat_s = 1.0;       ///< how often a worker tells of its progress, 0.05..60
  double silent_limit_s = 60.0;   ///< a rank silent for this long is written off, 1..3600
  double stuck_limit_s = 600.0;   ///< a rank with work but without progress for this long, too
  std::int64_t range_tiles = 64;  ///< most tiles in one range, 1..100000
  std::optional<double> max_runtime_s;  ///< the run stops by itself before this; nullopt: no limit
};

struct Options {
  std::vector<SlideEntry> slides;
  std::string manifest;  ///< CSV path, empty: none
  AnnotationOptions annotations;
  TileOptions tiles;
  TissueOptions tissue;
  SampleOptions sample;
  TaskKind task = TaskKind::kSegment;
  SegmentOptions segment;
  PatchOptions patches;
  StainOptions stain;
  CalibrationOptions calibration;
  MemoryOptions memory;
  WorkerOptions workers;
  OutputOptions output;
  RunOptions run;
};

/// One slide of the cohort after globs and the manifest were expanded.
struct SlideSpec {
  std::string id;    ///< unique, <= 255 bytes UTF-8, no control characters
  std::string path;  ///< absolute
  std::string group;
  std::optional<double> mpp;
  std::string problem;      ///< not empty: the slide fails with this reason and is never opened
  std::string annotations;  ///< absolute path of the file of its regions; empty: none
};

}  // namespace tilepool
