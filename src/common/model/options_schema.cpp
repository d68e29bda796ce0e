#include "common/model/options_schema.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.h"
#include "common/model/options_binding.h"
#include "common/model/stain_profile_text.h"

namespace tilepool {
namespace {

using binding::Binding;
using binding::bytes_or_auto;
using binding::choice;
using binding::describe;
using binding::flag;
using binding::integer;
using binding::Interval;
using binding::number;
using binding::text;

constexpr std::size_t kMaxIdBytes = 255;
constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::size_t kMaxClasses = 255;  // /cells/class is one byte
constexpr Interval kMpp{0.05, 20.0};
constexpr Interval kArea{0.0, 1e9};

template <class Target>
Key<Target> key(std::string pointer, KeyEffect effect, Binding<Target> bound, std::string unit,
                std::string doc) {
  return {{std::move(pointer), std::move(doc), std::move(unit), effect, std::move(bound.type),
           std::move(bound.range)},
          std::move(bound.get),
          std::move(bound.set)};
}

template <class Element>
Json element_to_json(const Element& element, const std::vector<Key<Element>>& keys) {
  Json object = Json::object();
  for (const auto& one : keys) object[one.info.pointer.substr(1)] = one.get(element);
  return object;
}

/// The elements of a JSON list; a problem when `value` is none.
template <class Element, class Read>
void read_list(const Json& value, const std::string& pointer, std::vector<ConfigProblem>& problems,
               std::vector<Element>& out, Read read) {
  if (!value.is_array()) {
    problems.push_back({pointer, fmt::format("expected a list, got {}", describe(value))});
    return;
  }
  out.clear();
  for (std::size_t i = 0; i < value.size(); ++i) {
    Element element{};
    read(value[i], fmt::format("{}/{}", pointer, i), element);
    out.push_back(std::move(element));
  }
}

Binding<Options> slide_list() {
  Binding<Options> bound{"list", "paths, globs and objects", {}, {}};
  bound.get = [](const Options& options) {
    Json list = Json::array();
    for (const SlideEntry& entry : options.slides) {
      if (entry.id.empty() && entry.group.empty() && !entry.mpp && entry.annotations.empty())
        list.push_back(entry.path);
      else
        list.push_back(element_to_json(entry, slide_keys()));
    }
    return list;
  };
  bound.set = [](Options& options, const Json& value, const std::string& pointer,
                 std::vector<ConfigProblem>& problems) {
    read_list(value, pointer, problems, options.slides,
              [&](const Json& item, const std::string& at, SlideEntry& entry) {
                const Json object = item.is_string() ? Json{{"path", item}} : item;
                const std::size_t before = problems.size();
                bind_object(object, at, slide_keys(), entry, problems);
                if (problems.size() == before && entry.path.empty())
                  problems.push_back({at, "a slide needs a \"path\""});
              });
  };
  return bound;
}

Binding<Options> class_list() {
  Binding<Options> bound{"list", fmt::format("1 to {} objects", kMaxClasses), {}, {}};
  bound.get = [](const Options& options) {
    Json list = Json::array();
    for (const CellClass& one : options.segment.classes)
      list.push_back(element_to_json(one, class_keys()));
    return list;
  };
  bound.set = [](Options& options, const Json& value, const std::string& pointer,
                 std::vector<ConfigProblem>& problems) {
    auto& classes = options.segment.classes;
    read_list(value, pointer, problems, classes,
              [&](const Json& item, const std::string& at, CellClass& one) {
                bind_object(item, at, class_keys(), one, problems);
                if (item.is_object() && !item.contains("name"))
                  problems.push_back({at, "a class needs a \"name\""});
              });
    if (value.is_array() && (classes.empty() || classes.size() > kMaxClasses))
      problems.push_back(
          {pointer, fmt::format("has {} classes; 1 to {} fit", classes.size(), kMaxClasses)});
  };
  return bound;
}

/// What a name of regions must be; "" when it is.
std::string name_problem(const std::string& name) {
  if (name.empty()) return "a name of regions is not empty";
  if (name.size() > kMaxIdBytes) return fmt::format("has more than {} bytes", kMaxIdBytes);
  return has_control_character(name) ? "has a control character" : "";
}

/// A list of names of regions, none twice.
template <class Ref>
Binding<Options> name_list(Ref ref) {
  Binding<Options> bound{"list", "texts", {}, {}};
  bound.get = [ref](const Options& options) {
    Json list = Json::array();
    for (const std::string& name : ref(options)) list.push_back(name);
    return list;
  };
  bound.set = [ref](Options& options, const Json& value, const std::string& pointer,
                    std::vector<ConfigProblem>& problems) {
    std::vector<std::string>& names = ref(options);
    read_list(value, pointer, problems, names,
              [&](const Json& item, const std::string& at, std::string& name) {
                std::string problem = binding::read_text(item, kMaxIdBytes, name);
                if (problem.empty()) problem = name_problem(name);
                if (problem.empty() && std::find(names.begin(), names.end(), name) != names.end())
                  problem = fmt::format("\"{}\" stands twice; keep one", name);
                if (!problem.empty()) problems.push_back({at, problem});
              });
  };
  return bound;
}

/// {"name": value}, in the order in which they stand.
Binding<Options> annotation_classes() {
  Binding<Options> bound{"object", "names to integers in [1, 255]", {}, {}};
  bound.get = [](const Options& options) {
    Json object = Json::object();
    for (const AnnotationClass& one : options.annotations.classes) object[one.name] = one.value;
    return object;
  };
  bound.set = [](Options& options, const Json& value, const std::string& pointer,
                 std::vector<ConfigProblem>& problems) {
    if (!value.is_object()) {
      problems.push_back({pointer, fmt::format("expected an object, got {}", describe(value))});
      return;
    }
    options.annotations.classes.clear();
    for (const auto& [name, number] : value.items()) {
      int class_value = 1;
      std::string problem = name_problem(name);
      if (problem.empty()) problem = binding::read_integer<int>(number, 1, 255, class_value);
      if (!problem.empty()) problems.push_back({fmt::format("{}/{}", pointer, name), problem});
      options.annotations.classes.push_back({name, static_cast<std::uint8_t>(class_value)});
    }
  };
  return bound;
}

/// A profile as stain_profile_text.h has it, or null.
Binding<Options> stain_target() {
  Binding<Options> bound{"object or null", "", {}, {}};
  bound.get = [](const Options& options) {
    return options.stain.target ? stain_profile_json(*options.stain.target) : Json();
  };
  bound.set = [](Options& options, const Json& value, const std::string& pointer,
                 std::vector<ConfigProblem>& problems) {
    options.stain.target.reset();
    if (value.is_null()) return;
    StainProfile profile;
    const std::string problem = read_stain_profile(value, profile);
    if (problem.empty())
      options.stain.target = profile;
    else
      problems.push_back({pointer, problem});
  };
  return bound;
}

/// "none", "gzip:N" or "lz4".
Binding<Options> compression() {
  Binding<Options> bound{"one of", "none, gzip:1 ... gzip:9, lz4", {}, {}};
  bound.get = [](const Options& options) -> Json {
    switch (options.output.codec) {
      case Codec::kNone:
        return "none";
      case Codec::kLz4:
        return "lz4";
      case Codec::kGzip:
        break;
    }
    return fmt::format("gzip:{}", options.output.gzip_level);
  };
  bound.set = [](Options& options, const Json& value, const std::string& pointer,
                 std::vector<ConfigProblem>& problems) {
    const std::string word = value.is_string() ? value.get<std::string>() : std::string();
    if (word == "none") {
      options.output.codec = Codec::kNone;
    } else if (word == "lz4") {
      options.output.codec = Codec::kLz4;
    } else if (word.size() == 6 && word.starts_with("gzip:") && word[5] >= '1' && word[5] <= '9') {
      options.output.codec = Codec::kGzip;
      options.output.gzip_level = word[5] - '0';
    } else {
      problems.push_back({pointer, fmt::format("{} is none of none, gzip:N (N from 1, fast, to 9, "
                                               "small) and lz4",
                                               describe(value))});
    }
  };
  return bound;
}

using Keys = std::vector<Key<Options>>;
using O = Options;

void append_input_keys(Keys& keys) {
  constexpr auto kCohort = KeyEffect::kCohort;
  keys.push_back(key<O>("/slides", kCohort, slide_list(), "",
                        "Slides as paths, globs (`**` descends) or objects; relative to this "
                        "file's folder."));
  keys.push_back(key<O>("/manifest", kCohort,
                        text<O>(
                            [](auto& o) -> auto& { return o.manifest; }, kMaxPathBytes),
                        "",
                        "A CSV with the columns path[,id][,group][,mpp][,annotations], its paths "
                        "relative to its own folder; empty for none."));
}

void append_annotation_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  keys.push_back(
      key<O>("/annotations/folder", KeyEffect::kCohort,
             text<O>(
                 [](auto& o) -> auto& { return o.annotations.folder; }, kMaxPathBytes),
             "",
             "Folder with a file of regions for each slide, named like the slide's id or "
             "file and ending in .xml, .geojson, .json or .ndpa; relative to this "
             "file's folder; null: none."));
  keys.push_back(key<O>("/annotations/include", kResults,
                        name_list([](auto& o) -> auto& { return o.annotations.include; }), "",
                        "Groups or names of regions: tissue counts inside them only; empty: all "
                        "tissue."));
  keys.push_back(key<O>("/annotations/exclude", kResults,
                        name_list([](auto& o) -> auto& { return o.annotations.exclude; }), "",
                        "Groups or names of regions in which tissue does not count."));
  keys.push_back(key<O>("/annotations/classes", kResults, annotation_classes(), "",
                        "Value of each group or name in class masks; of two that overlap the one "
                        "that stands last wins."));
}

void append_tile_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  keys.push_back(key<O>("/tiles/size_px", kResults,
                        integer<O, std::int64_t>(
                            [](auto& o) -> auto& { return o.tiles.size_px; }, 16, 32768),
                        "px", "Edge of a tile's core in analysis pixels."));
  keys.push_back(key<O>("/tiles/halo_px", kResults,
                        integer<O, std::int64_t>(
                            [](auto& o) -> auto& { return o.tiles.halo_px; }, 0, 4096),
                        "px",
                        "Pixels read around the core so that a cell that crosses its edge "
                        "is whole; at least the "
                        "largest cell's diameter."));
  keys.push_back(key<O>("/tiles/mpp", kResults,
                        number<O>(
                            [](auto& o) -> auto& { return o.tiles.mpp; }, kMpp),
                        "um/px",
                        "Resolution to which tiles are resampled; null: level 0 as scanned."));
}

void append_tissue_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  keys.push_back(key<O>("/tissue/method", kResults,
                        choice<O, TissueMethod>([](auto& o) -> auto& { return o.tissue.method; },
                                                {{"otsu", TissueMethod::kOtsu},
                                                 {"hsv", TissueMethod::kHsv},
                                                 {"otsu+hsv", TissueMethod::kOtsuAndHsv},
                                                 {"otsu|hsv", TissueMethod::kOtsuOrHsv},
                                                 {"variance", TissueMethod::kVariance}}),
                        "", "How tissue is told from glass: + is both, | is either."));
  keys.push_back(key<O>("/tissue/min_fraction", kResults,
                        number<O>(
                            [](auto& o) -> auto& { return o.tissue.min_fraction; }, {0, 1},
                            "write 0.15 for fifteen percent"),
                        "", "A tile with at least this share of tissue is in the pool."));
  keys.push_back(key<O>("/tissue/exact", kResults,
                        flag<O>([](auto& o) -> auto& { return o.tissue.exact; }), "",
                        "Count the tissue of a tile pixel by pixel at level 0 where the scan could "
                        "be wrong about it."));
  keys.push_back(key<O>("/tissue/scan_mpp", kResults,
                        number<O>([](auto& o) -> auto& { return o.tissue.scan_mpp; }, {1, 64}),
                        "um/px", "Resolution at which tissue is judged."));
  keys.push_back(key<O>("/tissue/min_object_um2", kResults,
                        number<O>(
                            [](auto& o) -> auto& { return o.tissue.min_object_um2; }, kArea),
                        "um^2", "Smaller pieces of tissue are dropped."));
  keys.push_back(key<O>("/tissue/max_hole_um2", kResults,
                        number<O>(
                            [](auto& o) -> auto& { return o.tissue.max_hole_um2; }, kArea),
                        "um^2", "Smaller holes in tissue are filled."));
  keys.push_back(key<O>("/tissue/scan_strip_mpx", KeyEffect::kNone,
                        integer<O, std::int64_t>(
                            [](auto& o) -> auto& { return o.tissue.scan_strip_mpx; }, 1, 1000000),
                        "Mpx",
                        "A slide of which the scan reads more pixels (no pyramid) is cut into "
                        "strips of about that many, which all workers read."));
}

void append_sample_keys(Keys& keys) {
  constexpr auto kSample = KeyEffect::kSample;
  keys.push_back(key<O>("/sample/fraction", kSample,
                        number<O>(
                            [](auto& o) -> auto& { return o.sample.fraction; },
                            {0, 1, /*above_min=*/true}, "write 0.1 for ten percent"),
                        "", "Share of the pooled tiles that is drawn."));
  keys.push_back(
      key<O>("/sample/count", kSample,
             integer<O, std::int64_t>(
                 [](auto& o) -> auto& { return o.sample.count; }, 1, std::int64_t{1} << 40),
             "tiles", "Exact number of tiles instead of a share."));
  keys.push_back(
      key<O>("/sample/seed", kSample,
             integer<O, std::uint64_t>(
                 [](auto& o) -> auto& { return o.sample.seed; }, 0,
                 std::numeric_limits<std::uint64_t>::max()),
             "", "Seed of the draw: the same seed draws the same tiles on any number of ranks."));
  keys.push_back(key<O>(
      "/sample/stratify_by", kSample,
      choice<O, Stratify>(
          [](auto& o) -> auto& { return o.sample.stratify_by; },
          {{"none", Stratify::kNone}, {"slide", Stratify::kSlide}, {"group", Stratify::kGroup}}),
      "", "Draw the share within each slide or group instead of over all."));
}

void append_task_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  keys.push_back(key<O>("/task/kind", kResults,
                        choice<O, TaskKind>([](auto& o) -> auto& { return o.task; },
                                            {{"segment", TaskKind::kSegment},
                                             {"tile-features", TaskKind::kTileFeatures},
                                             {"patches", TaskKind::kPatches}},
                                            {"infer"}),
                        "",
                        "segment: cells with contours and features; tile-features: colour "
                        "statistics of tiles; "
                        "patches: squares cut out of tiles."));
  keys.push_back(key<O>("/task/modality", kResults,
                        choice<O, Modality>([](auto& o) -> auto& { return o.segment.modality; },
                                            {{"auto", Modality::kAuto},
                                             {"brightfield", Modality::kBrightfield},
                                             {"fluorescence", Modality::kFluorescence}}),
                        "", "Bright background, dark background, or decided slide by slide."));
  keys.push_back(key<O>("/task/stain", kResults,
                        choice<O, StainMethod>([](auto& o) -> auto& { return o.segment.stain; },
                                               {{"macenko", StainMethod::kMacenko},
                                                {"he", StainMethod::kHe},
                                                {"hdab", StainMethod::kHdab}}),
                        "",
                        "Stain vectors: estimated per slide (Macenko 2009) or fixed (Ruifrok & "
                        "Johnston 2001). hdab takes brown out of the nuclear stain; where nuclei "
                        "are brown or blue, he finds both."));
}

void append_segment_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  const auto add = [&](const char* name, auto ref, Interval interval, const char* unit,
                       const char* doc) {
    keys.push_back(
        key<O>(std::string("/task/") + name, kResults, number<O>(ref, interval), unit, doc));
  };
  add(
      "smooth_um", [](auto& o) -> auto& { return o.segment.smooth_um; }, {0, 10}, "um",
      "Sigma of the Gaussian smoothing before the threshold.");
  add(
      "local_radius_um", [](auto& o) -> auto& { return o.segment.local_radius_um; }, {1, 100}, "um",
      "Half edge of the window of the local mean.");
  add(
      "local_weight", [](auto& o) -> auto& { return o.segment.local_weight; }, {0, 1}, "",
      "Threshold = (1 - w) * the slide's Otsu threshold + w * local mean.");
  add(
      "opening_um", [](auto& o) -> auto& { return o.segment.opening_um; }, {0, 10}, "um",
      "Radius of the opening that removes threads.");
  add(
      "max_hole_um2", [](auto& o) -> auto& { return o.segment.max_hole_um2; }, kArea, "um^2",
      "Holes in cells up to this area are filled.");
  add(
      "split_depth_um", [](auto& o) -> auto& { return o.segment.split_depth_um; }, {0, 20}, "um",
      "A neck this much narrower than its lobes splits a cell in two.");
  add(
      "split_contrast_um", [](auto& o) -> auto& { return o.segment.split_contrast_um; }, {0, 20},
      "um",
      "A pale seam splits too: the slide's 99th percentile counts as this much half "
      "width.");
  add(
      "split_fill", [](auto& o) -> auto& { return o.segment.split_fill; }, {0, 2}, "",
      "Pieces that together fill their ellipse to this share stay one cell; above 1: "
      "never.");
  add(
      "split_smooth_um", [](auto& o) -> auto& { return o.segment.split_smooth_um; }, {0, 10}, "um",
      "Sigma that smooths the height map before splitting.");
  add(
      "trim_um", [](auto& o) -> auto& { return o.segment.trim_um; }, {0, 10}, "um",
      "Radius of the opening of each cell after splitting.");
  add(
      "grow_um", [](auto& o) -> auto& { return o.segment.grow_um; }, {0, 10}, "um",
      "Cells grow by this much at the end.");
  add(
      "stained_od", [](auto& o) -> auto& { return o.segment.stained_od; }, {0, 1},
      "optical density", "A pixel whose darkest channel is above it counts as stained.");
  add(
      "dark_od", [](auto& o) -> auto& { return o.segment.dark_od; }, {0, 3}, "optical density",
      "A pixel above it counts as dark (feature dark_fraction).");
  keys.push_back(key<O>("/task/classes", kResults, class_list(), "",
                        "Classes of cells by area: a cell is of the first class whose range "
                        "holds its area, and dropped when none does."));
}

void append_stain_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  keys.push_back(
      key<O>("/stain/normalise", kResults,
             choice<O, StainNormalisation>([](auto& o) -> auto& { return o.stain.normalise; },
                                           {{"none", StainNormalisation::kNone},
                                            {"macenko", StainNormalisation::kMacenko},
                                            {"reinhard", StainNormalisation::kReinhard}}),
             "",
             "Gives all bright-field slides the colours of one before any task sees them, fitted "
             "once per slide (docs/stains.md)."));
  keys.push_back(key<O>("/stain/reference", KeyEffect::kNone,
                        text<O>(
                            [](auto& o) -> auto& { return o.stain.reference; }, kMaxPathBytes),
                        "",
                        "Whose colours: a slide, a saved profile (.json), or a slide's calibration "
                        "of another run (.json); relative to this file; null: a published one."));
  keys.push_back(key<O>("/stain/target", kResults, stain_target(), "",
                        "The profile itself instead of a reference; null: from the reference, and "
                        "run.json then holds what came of it."));
}

void append_machine_keys(Keys& keys) {
  constexpr auto kNone = KeyEffect::kNone;
  keys.push_back(
      key<O>("/memory/host_per_rank", kNone,
             bytes_or_auto<O>(
                 [](auto& o) -> auto& { return o.memory.host_per_rank; }, 1 << 20),
             "", "Bound on each rank's resident memory; auto: a fair share of what was granted."));
  keys.push_back(key<O>("/memory/device_per_rank", kNone,
                        bytes_or_auto<O>(
                            [](auto& o) -> auto& { return o.memory.device_per_rank; }, 1 << 20),
                        "",
                        "Bound on each rank's GPU memory; auto: a fair share of what is free."));
  keys.push_back(key<O>(
      "/workers/device", kNone,
      choice<O, Device>([](auto& o) -> auto& { return o.workers.device; },
                        {{"auto", Device::kAuto}, {"cpu", Device::kCpu}, {"cuda", Device::kCuda}}),
      "", "Where tiles are computed; auto: a GPU when there is one."));
  keys.push_back(key<O>("/workers/reader", kNone,
                        choice<O, Reader>([](auto& o) -> auto& { return o.workers.reader; },
                                          {{"auto", Reader::kAuto},
                                           {"openslide", Reader::kOpenSlide},
                                           {"direct", Reader::kDirect}}),
                        "",
                        "What reads slides, with equal pixels; auto: JPEG tiles of TIFF "
                        "and SVS directly, all else "
                        "through OpenSlide."));
  keys.push_back(key<O>("/workers/readers", kNone,
                        integer<O, std::int64_t>(
                            [](auto& o) -> auto& { return o.workers.readers; }, -1, 1024),
                        "threads",
                        "-1: all cores granted, 0: one thread for all (debugging), N: N threads."));
  keys.push_back(key<O>("/workers/open_slides", kNone,
                        integer<O, std::int64_t>(
                            [](auto& o) -> auto& { return o.workers.open_slides; }, 1, 64),
                        "slides", "Slides that a rank keeps open at most."));
  keys.push_back(key<O>("/workers/stage", kNone,
                        text<O>(
                            [](auto& o) -> auto& { return o.workers.stage; }, kMaxPathBytes),
                        "",
                        "A folder on a disk of each node (absolute) to which a slide is copied "
                        "once while its tiles are read; null: slides are read where they lie."));
  keys.push_back(
      key<O>("/workers/stage_limit", kNone,
             bytes_or_auto<O>(
                 [](auto& o) -> auto& { return o.workers.stage_limit; }, 1 << 20),
             "",
             "Most that a run's copies take on each node; auto: 90 % of what is free there. "
             "What does not fit is read where it lies."));
  keys.push_back(key<O>("/output/compression", kNone, compression(), "",
                        "Compression of results.h5; lz4 is fast, but h5py then needs hdf5plugin."));
}

void append_run_keys(Keys& keys) {
  constexpr auto kNone = KeyEffect::kNone;
  keys.push_back(key<O>("/run/heartbeat_s", kNone,
                        number<O>([](auto& o) -> auto& { return o.run.heartbeat_s; }, {0.05, 60}),
                        "s", "How often a worker tells of its progress."));
  keys.push_back(key<O>("/run/silent_limit_s", kNone,
                        number<O>([](auto& o) -> auto& { return o.run.silent_limit_s; }, {1, 3600}),
                        "s",
                        "A rank silent for this long is written off; its tiles go to others."));
  keys.push_back(key<O>("/run/stuck_limit_s", kNone,
                        number<O>([](auto& o) -> auto& { return o.run.stuck_limit_s; }, {1, 86400}),
                        "s", "So is a rank that has work and makes no progress for this long."));
  keys.push_back(key<O>("/run/max_runtime_s", kNone,
                        number<O>([](auto& o) -> auto& { return o.run.max_runtime_s; }, {1, 1e8}),
                        "s",
                        "The run commits what is whole and ends with exit code 75 before this; "
                        "under Slurm the job's time limit is known without it."));
  keys.push_back(key<O>("/run/range_tiles", kNone,
                        integer<O, std::int64_t>(
                            [](auto& o) -> auto& { return o.run.range_tiles; }, 1, 100000),
                        "tiles", "Most tiles handed out, and committed, at once."));
}

void append_patch_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  using I = std::int64_t;
  keys.push_back(key<O>("/patches/size_px", kResults,
                        integer<O, I>(
                            [](auto& o) -> auto& { return o.patches.size_px; }, 16, 4096),
                        "px", "Edge of a patch in analysis pixels (task patches)."));
  keys.push_back(key<O>("/patches/stride_px", kResults,
                        integer<O, I>(
                            [](auto& o) -> auto& { return o.patches.stride_px; }, 1, 32768),
                        "px", "From one patch to the next; null: size_px, so that they touch."));
  keys.push_back(key<O>("/patches/level", kResults,
                        integer<O, I>(
                            [](auto& o) -> auto& { return o.patches.level; }, 0, 63),
                        "",
                        "Pyramid level whose pixels the analysis pixels are, as they stand in the "
                        "file; or set tiles.mpp to resample."));
  keys.push_back(key<O>("/patches/pad", kResults,
                        flag<O>([](auto& o) -> auto& { return o.patches.pad; }), "",
                        "Also patches that stick out of the slide; they are white there."));
  keys.push_back(key<O>("/patches/min_tissue", kResults,
                        number<O>(
                            [](auto& o) -> auto& { return o.patches.min_tissue; }, Interval{0, 1}),
                        "", "Least share of a patch that is tissue in the slide's scan."));
  keys.push_back(key<O>("/patches/max_white", kResults,
                        number<O>(
                            [](auto& o) -> auto& { return o.patches.max_white; }, Interval{0, 1}),
                        "", "Most share of its pixels that are white; more: dropped."));
  keys.push_back(key<O>("/patches/max_black", kResults,
                        number<O>(
                            [](auto& o) -> auto& { return o.patches.max_black; }, Interval{0, 1}),
                        "", "Most share of its pixels that are black; more: dropped."));
  keys.push_back(key<O>("/patches/white_level", kResults,
                        integer<O, I>(
                            [](auto& o) -> auto& { return o.patches.white_level; }, 0, 255),
                        "", "A pixel is white when R, G and B are at least this."));
  keys.push_back(key<O>("/patches/black_level", kResults,
                        integer<O, I>(
                            [](auto& o) -> auto& { return o.patches.black_level; }, 0, 255),
                        "", "A pixel is black when R, G and B are at most this."));
  keys.push_back(
      key<O>("/patches/min_sharpness", kResults,
             number<O>(
                 [](auto& o) -> auto& { return o.patches.min_sharpness; }, Interval{0, 1e6}),
             "", "Least variance of the Laplacian of its grey; less: dropped as blurred."));
  keys.push_back(key<O>("/patches/pixels", kResults,
                        choice<O, PatchPixels>([](auto& o) -> auto& { return o.patches.pixels; },
                                               {{"none", PatchPixels::kNone},
                                                {"results", PatchPixels::kResults},
                                                {"npy", PatchPixels::kNpy},
                                                {"png", PatchPixels::kPng},
                                                {"jpeg", PatchPixels::kJpeg}}),
                        "",
                        "Where pixels go: nowhere (places only), into results.h5, into one .npy a "
                        "slide, or into an image file a patch."));
  keys.push_back(key<O>("/patches/jpeg_quality", kResults,
                        integer<O, I>(
                            [](auto& o) -> auto& { return o.patches.jpeg_quality; }, 1, 100),
                        "", "Quality of JPEG files."));
  keys.push_back(key<O>("/patches/one_by_one", KeyEffect::kNone,
                        flag<O>([](auto& o) -> auto& { return o.patches.one_by_one; }), "",
                        "Read each patch by itself instead of cutting it out of the tile: the same "
                        "pixels, slower; to compare."));
}

void cross_check_patches(const Options& options, std::vector<ConfigProblem>& problems) {
  if (options.task != TaskKind::kPatches) return;
  const PatchOptions& patches = options.patches;
  if (patches.level > 0 && options.tiles.mpp)
    problems.push_back({"/patches/level", "and /tiles/mpp both say how fine pixels are; set one"});
  if (patches.size_px > options.tiles.size_px)
    problems.push_back({"/patches/size_px", fmt::format("{} is more than /tiles/size_px ({})",
                                                        patches.size_px, options.tiles.size_px)});
  if (patches.black_level >= patches.white_level)
    problems.push_back(
        {"/patches/black_level", fmt::format("{} is not below white_level ({})",
                                             patches.black_level, patches.white_level)});
}

void append_calibration_keys(Keys& keys) {
  constexpr auto kResults = KeyEffect::kResults;
  keys.push_back(
      key<O>("/calibration/tiles_per_slide", kResults,
             integer<O, std::int64_t>(
                 [](auto& o) -> auto& { return o.calibration.tiles_per_slide; }, 1, 10000),
             "patches", "Patches per slide from which stains and thresholds are fixed."));
  keys.push_back(key<O>("/calibration/patch_px", kResults,
                        integer<O, std::int64_t>(
                            [](auto& o) -> auto& { return o.calibration.patch_px; }, 64, 4096),
                        "px", "Edge of such a patch in analysis pixels."));
}

/// The names that may stand in the object at `section` ("" or "/tiles").
template <class Target>
std::vector<std::string> names_in(const std::string& section,
                                  const std::vector<Key<Target>>& keys) {
  std::vector<std::string> names;
  for (const auto& one : keys) {
    if (!one.info.pointer.starts_with(section + "/")) continue;
    const std::string rest = one.info.pointer.substr(section.size() + 1);
    const std::string name = rest.substr(0, rest.find('/'));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

/// What is wrong with the unknown member `name` of `section`, with the key that was
/// probably meant: the nearest one there, else one of that name in another section.
template <class Target>
std::string unknown_key(const std::string& prefix, const std::string& section,
                        const std::string& name, const std::vector<Key<Target>>& keys) {
  const std::vector<std::string> siblings = names_in(section, keys);
  if (const auto meant = nearest_of(name, siblings))
    return fmt::format("unknown key; did you mean {}{}/{}?", prefix, section, *meant);
  for (const auto& one : keys)
    if (one.info.pointer.ends_with("/" + name))
      return fmt::format("unknown key; did you mean {}{}?", prefix, one.info.pointer);
  return fmt::format("unknown key; the keys here are {}", fmt::join(siblings, ", "));
}

template <class Target>
void bind_section(const Json& value, const std::string& prefix, const std::string& section,
                  const std::vector<Key<Target>>& keys, Target& target,
                  std::vector<ConfigProblem>& problems) {
  if (!value.is_object()) {
    problems.push_back(
        {prefix + section, fmt::format("expected an object, got {}", describe(value))});
    return;
  }
  for (const auto& [name, member] : value.items()) {
    std::string local = section;
    local.append("/").append(name);
    const auto leaf = std::find_if(keys.begin(), keys.end(),
                                   [&](const auto& one) { return one.info.pointer == local; });
    const bool inner = std::any_of(keys.begin(), keys.end(), [&](const auto& one) {
      return one.info.pointer.starts_with(local + "/");
    });
    if (leaf != keys.end()) {
      leaf->set(target, member, prefix + local, problems);
    } else if (inner) {
      bind_section(member, prefix, local, keys, target, problems);
    } else {
      problems.push_back({prefix + local, unknown_key(prefix, section, name, keys)});
    }
  }
}

void cross_check_annotations(const Options& options, std::vector<ConfigProblem>& problems) {
  const AnnotationOptions& a = options.annotations;
  if (options.tissue.method == TissueMethod::kVariance && !(a.include.empty() && a.exclude.empty()))
    problems.push_back({"/tissue/method",
                        "variance judges all slides together, by tissue inside and outside of "
                        "regions alike; use another with /annotations/include or exclude"});
  if (options.tissue.min_fraction <= 0 && !(a.include.empty() && a.exclude.empty()))
    problems.push_back({"/tissue/min_fraction",
                        "0 puts every tile into the pool, whatever regions it lies in; write a "
                        "share above 0 with /annotations/include or exclude"});
  if (a.classes.size() > kMaxClasses)
    problems.push_back({"/annotations/classes", fmt::format("has {} classes; at most {} fit",
                                                            a.classes.size(), kMaxClasses)});
  for (std::size_t i = 0; i < a.exclude.size(); ++i)
    if (std::find(a.include.begin(), a.include.end(), a.exclude[i]) != a.include.end())
      problems.push_back({fmt::format("/annotations/exclude/{}", i),
                          fmt::format("\"{}\" is in /annotations/include too", a.exclude[i])});
}

void cross_check_classes(const Options& options, std::vector<ConfigProblem>& problems) {
  std::set<std::string> names;
  const auto& classes = options.segment.classes;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const CellClass& one = classes[i];
    const std::string at = fmt::format("/task/classes/{}", i);
    if (one.min_area_um2 > one.max_area_um2)
      problems.push_back({at + "/min_area_um2", fmt::format("{} is more than max_area_um2 ({})",
                                                            one.min_area_um2, one.max_area_um2)});
    if (!one.name.empty() && !names.insert(one.name).second)
      problems.push_back(
          {at + "/name", fmt::format("\"{}\" names two classes; names differ", one.name)});
  }
}
}  // namespace

const std::vector<Key<Options>>& option_keys() {
  static const Keys keys = [] {
    Keys all;
    append_input_keys(all);
    append_annotation_keys(all);
    append_tile_keys(all);
    append_tissue_keys(all);
    append_sample_keys(all);
    append_task_keys(all);
    append_segment_keys(all);
    append_patch_keys(all);
    append_stain_keys(all);
    append_calibration_keys(all);
    append_machine_keys(all);
    append_run_keys(all);
    return all;
  }();
  return keys;
}

const std::vector<Key<SlideEntry>>& slide_keys() {
  using S = SlideEntry;
  constexpr auto kCohort = KeyEffect::kCohort;
  static const std::vector<Key<S>> keys = {
      key<S>("/path", kCohort,
             text<S>(
                 [](auto& s) -> auto& { return s.path; }, kMaxPathBytes),
             "", "Path or glob."),
      key<S>("/id", kCohort,
             text<S>(
                 [](auto& s) -> auto& { return s.id; }, kMaxIdBytes),
             "", "Name of the slide in all results; empty: file name without extension."),
      key<S>("/group", kCohort,
             text<S>(
                 [](auto& s) -> auto& { return s.group; }, kMaxIdBytes),
             "", "Free text for stratified sampling and reports."),
      key<S>("/mpp", kCohort,
             number<S>(
                 [](auto& s) -> auto& { return s.mpp; }, kMpp),
             "um/px", "Micrometres per level-0 pixel; null: from the slide."),
      key<S>("/annotations", kCohort,
             text<S>(
                 [](auto& s) -> auto& { return s.annotations; }, kMaxPathBytes),
             "", "File of the regions drawn on it; empty: looked for in /annotations/folder."),
  };
  return keys;
}

const std::vector<Key<CellClass>>& class_keys() {
  using C = CellClass;
  constexpr auto kResults = KeyEffect::kResults;
  static const std::vector<Key<C>> keys = [] {
    Key<C> name = key<C>("/name", kResults,
                         text<C>(
                             [](auto& c) -> auto& { return c.name; }, kMaxIdBytes),
                         "", "Name of the class, not empty, not twice.");
    name.set = [set = name.set](C& target, const Json& value, const std::string& pointer,
                                std::vector<ConfigProblem>& problems) {
      if (value.is_string() && value.get_ref<const std::string&>().empty())
        problems.push_back({pointer, "a class needs a name that is not empty"});
      else
        set(target, value, pointer, problems);
    };
    return std::vector<Key<C>>{
        name,
        key<C>("/min_area_um2", kResults,
               number<C>(
                   [](auto& c) -> auto& { return c.min_area_um2; }, kArea),
               "um^2", "Smaller objects are not of this class."),
        key<C>("/max_area_um2", kResults,
               number<C>(
                   [](auto& c) -> auto& { return c.max_area_um2; }, kArea),
               "um^2", "Larger objects are not of this class."),
        key<C>("/classifier", KeyEffect::kNone,
               text<C>(
                   [](auto& c) -> auto& { return c.classifier; }, kMaxPathBytes),
               "",
               "File of a model of `tilepool train` that gives the cells of this class their score "
               "and decision in results.h5; relative to this file; null: none."),
    };
  }();
  return keys;
}

const std::vector<KeyInfo>& key_infos() {
  static const std::vector<KeyInfo> infos = [] {
    std::vector<KeyInfo> all;
    const auto append_elements = [&](const auto& keys) {
      const std::string list = all.back().pointer;
      for (const auto& one : keys) {
        all.push_back(one.info);
        all.back().pointer = list + "/*" + one.info.pointer;
      }
    };
    for (const auto& one : option_keys()) {
      all.push_back(one.info);
      if (one.info.pointer == "/slides") append_elements(slide_keys());
      if (one.info.pointer == "/task/classes") append_elements(class_keys());
    }
    return all;
  }();
  return infos;
}

template <class Target>
void bind_object(const Json& value, const std::string& prefix, const std::vector<Key<Target>>& keys,
                 Target& target, std::vector<ConfigProblem>& problems) {
  bind_section(value, prefix, "", keys, target, problems);
}
template void bind_object(const Json&, const std::string&, const std::vector<Key<Options>>&,
                          Options&, std::vector<ConfigProblem>&);
template void bind_object(const Json&, const std::string&, const std::vector<Key<SlideEntry>>&,
                          SlideEntry&, std::vector<ConfigProblem>&);
template void bind_object(const Json&, const std::string&, const std::vector<Key<CellClass>>&,
                          CellClass&, std::vector<ConfigProblem>&);

void cross_check(const Options& options, std::vector<ConfigProblem>& problems) {
  cross_check_patches(options, problems);
  if (options.workers.stage && !options.workers.stage->starts_with('/'))
    problems.push_back({"/workers/stage",
                        fmt::format("\"{}\" is not an absolute path; name a folder that each node "
                                    "has, such as \"/local/scratch\", or write null",
                                    *options.workers.stage)});
  if (options.tiles.halo_px > options.tiles.size_px)
    problems.push_back(
        {"/tiles/halo_px", fmt::format("{} is more than /tiles/size_px ({})", options.tiles.halo_px,
                                       options.tiles.size_px)});
  if (options.sample.count && options.sample.fraction != SampleOptions{}.fraction)
    problems.push_back({"/sample/count", "stands beside /sample/fraction; leave one of them out"});
  if (options.run.silent_limit_s < 2 * options.run.heartbeat_s)
    problems.push_back(
        {"/run/silent_limit_s", fmt::format("{} is less than twice /run/heartbeat_s ({})",
                                            options.run.silent_limit_s, options.run.heartbeat_s)});
  if (options.tissue.exact && options.tissue.method == TissueMethod::kVariance)
    problems.push_back({"/tissue/exact",
                        "a variance is known of a neighbourhood, not of a pixel; use it with "
                        "another /tissue/method"});
  cross_check_classes(options, problems);
  cross_check_annotations(options, problems);
}

}  // namespace tilepool
