#include "common/model/options_json.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/model/options_schema.h"
#include "support/error_of.h"

namespace tilepool {
namespace {

/// A folder of its own, removed with the test.
class OptionsFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tilepool-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& text) {
    const auto path = folder_ / "run.json";
    std::ofstream(path) << text;
    return path;
  }
  Options load(const std::string& text, const std::vector<std::string>& sets = {}) {
    return load_config(write(text), sets).options;
  }
  /// The lines of the error that loading gives, with the file's folder taken off.
  std::vector<std::string> problems(const std::string& text,
                                    const std::vector<std::string>& sets = {},
                                    ErrorCode expected = ErrorCode::kConfig) {
    std::vector<std::string> lines;
    try {
      load(text, sets);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), expected);
      std::istringstream stream(error.what());
      const std::string prefix = folder_.string() + "/";
      for (std::string line; std::getline(stream, line);)
        lines.push_back(line.starts_with(prefix) ? line.substr(prefix.size()) : line);
    }
    return lines;
  }
  std::filesystem::path folder_;
};

using Lines = std::vector<std::string>;

TEST_F(OptionsFile, EmptyObjectIsAllDefaults) {
  EXPECT_EQ(options_to_json(load("{}")), options_to_json(Options{}));
}

TEST_F(OptionsFile, ReadsEveryKindOfValue) {
  const Options options = load(R"({
    // a comment
    "slides": ["a/*.svs", {"path": "x.tif", "id": "FGC1", "group": "FGC", "mpp": 0.22}],
    "tiles": {"size_px": 512, "halo_px": 0, "mpp": 0.5},
    "tissue": {"method": "otsu|hsv", "min_fraction": 1},
    "sample": {"count": 7, "seed": 18446744073709551615, "stratify_by": "group"},
    "task": {"kind": "tile-features", "stain": "hdab", "modality": "fluorescence",
             "classes": [{"name": "mk", "min_area_um2": 200, "max_area_um2": 2e3}]},
    "memory": {"host_per_rank": "1.5GiB", "device_per_rank": "auto"},
    "workers": {"device": "cpu", "readers": 0},
    "output": {"compression": "gzip:9"}
  })");
  ASSERT_EQ(options.slides.size(), 2U);
  EXPECT_EQ(options.slides[0].path, "a/*.svs");
  EXPECT_EQ(options.slides[1].id, "FGC1");
  EXPECT_EQ(options.slides[1].group, "FGC");
  EXPECT_EQ(options.slides[1].mpp, 0.22);
  EXPECT_EQ(options.tiles.size_px, 512);
  EXPECT_EQ(options.tiles.mpp, 0.5);
  EXPECT_EQ(options.tissue.method, TissueMethod::kOtsuOrHsv);
  EXPECT_EQ(options.sample.count, 7);
  EXPECT_EQ(options.sample.seed, 18446744073709551615ULL);
  EXPECT_EQ(options.sample.stratify_by, Stratify::kGroup);
  EXPECT_EQ(options.task, TaskKind::kTileFeatures);
  EXPECT_EQ(options.segment.stain, StainMethod::kHdab);
  EXPECT_EQ(options.segment.modality, Modality::kFluorescence);
  ASSERT_EQ(options.segment.classes.size(), 1U);
  EXPECT_EQ(options.segment.classes[0].max_area_um2, 2000.0);
  EXPECT_EQ(options.memory.host_per_rank, std::size_t{1536} << 20);
  EXPECT_FALSE(options.memory.device_per_rank.has_value());
  EXPECT_EQ(options.workers.readers, 0);
  EXPECT_EQ(options.output.gzip_level, 9);
}

TEST_F(OptionsFile, FiveMistakesGiveFiveLines) {
  EXPECT_EQ(problems(R"({
    "sample": {"fraction": 10},
    "tiles": {"size": 512, "halo_px": "128"},
    "tissue": {"method": "otzu"},
    "memory": {"host_per_rank": "lots"}
  })"),
            (Lines{"run.json at /sample/fraction: 10 is not in (0, 1]; write 0.1 for ten percent",
                   "run.json at /tiles/size: unknown key; did you mean /tiles/size_px?",
                   "run.json at /tiles/halo_px: expected an integer, got the text \"128\"",
                   "run.json at /tissue/method: the text \"otzu\" is none of otsu, hsv, otsu+hsv, "
                   "otsu|hsv, variance",
                   "run.json at /memory/host_per_rank: expected \"auto\" or a size such as "
                   "\"6GiB\", got the text \"lots\""}));
}

TEST_F(OptionsFile, UnknownKeysSuggestTheNearest) {
  EXPECT_EQ(problems(R"({"tile": {}})"),
            (Lines{"run.json at /tile: unknown key; did you mean /tiles?"}));
  EXPECT_EQ(problems(R"({"size_px": 512})"),
            (Lines{"run.json at /size_px: unknown key; did you mean /tiles/size_px?"}));
  EXPECT_EQ(problems(R"({"task": {"classes": [{"name": "a", "min_area": 3}]}})"),
            (Lines{"run.json at /task/classes/0/min_area: unknown key; did you mean "
                   "/task/classes/0/min_area_um2?"}));
  EXPECT_EQ(problems(R"({"sample": {"quux": 3}})"),
            (Lines{"run.json at /sample/quux: unknown key; the keys here are fraction, count, "
                   "seed, stratify_by"}));
}

TEST_F(OptionsFile, RangesHoldAtTheirEnds) {
  EXPECT_EQ(load(R"({"tiles": {"size_px": 16, "halo_px": 16}})").tiles.size_px, 16);
  EXPECT_EQ(load(R"({"tiles": {"size_px": 32768}})").tiles.size_px, 32768);
  EXPECT_EQ(problems(R"({"tiles": {"size_px": 15, "halo_px": 0}})"),
            (Lines{"run.json at /tiles/size_px: 15 is not in [16, 32768]"}));
  EXPECT_EQ(problems(R"({"tiles": {"size_px": 32769}})"),
            (Lines{"run.json at /tiles/size_px: 32769 is not in [16, 32768]"}));
  EXPECT_EQ(problems(R"({"sample": {"seed": -1}})"),
            (Lines{"run.json at /sample/seed: -1 is not in [0, 18446744073709551615]"}));
  EXPECT_EQ(problems(R"({"sample": {"seed": 1e30}})"),
            (Lines{"run.json at /sample/seed: 1e+30 is not in [0, 18446744073709551615]"}));
  EXPECT_EQ(problems(R"({"sample": {"fraction": 0}})").size(), 1U);
  EXPECT_EQ(load(R"({"sample": {"fraction": 1}})").sample.fraction, 1.0);
}

TEST_F(OptionsFile, KeysAreCheckedTogether) {
  EXPECT_EQ(problems(R"({"tiles": {"size_px": 64, "halo_px": 65},
                         "sample": {"fraction": 0.2, "count": 5},
                         "task": {"classes": [{"name": "a", "min_area_um2": 9, "max_area_um2": 8},
                                              {"name": "a"}]}})"),
            (Lines{"run.json at /tiles/halo_px: 65 is more than /tiles/size_px (64)",
                   "run.json at /sample/count: stands beside /sample/fraction; leave one of them "
                   "out",
                   "run.json at /task/classes/0/min_area_um2: 9 is more than max_area_um2 (8)",
                   "run.json at /task/classes/1/name: \"a\" names two classes; names differ"}));
  EXPECT_EQ(load(R"({"sample": {"fraction": 0.1, "count": 5}})").sample.count, 5);
}

TEST_F(OptionsFile, ListsAreChecked) {
  EXPECT_EQ(problems(R"({"slides": [3, {"id": "x"}, {"path": "p", "mpp": 99}], "task":
                         {"classes": [{}, {"name": ""}]}})"),
            (Lines{"run.json at /slides/0: expected an object, got the number 3",
                   "run.json at /slides/1: a slide needs a \"path\"",
                   "run.json at /slides/2/mpp: 99 is not in [0.05, 20]",
                   "run.json at /task/classes/0: a class needs a \"name\"",
                   "run.json at /task/classes/1/name: a class needs a name that is not empty"}));
  EXPECT_EQ(problems(R"({"slides": "a.svs"})"),
            (Lines{"run.json at /slides: expected a list, got the text \"a.svs\""}));
  EXPECT_EQ(problems(R"({"task": {"classes": []}})"),
            (Lines{"run.json at /task/classes: has 0 classes; 1 to 255 fit"}));
}

TEST_F(OptionsFile, WhatIsNotBuiltSaysSo) {
  EXPECT_EQ(
      problems(R"({"task": {"kind": "infer"}})"),
      (Lines{
          "run.json at /task/kind: \"infer\" is not built; use segment, tile-features, patches"}));
}

TEST_F(OptionsFile, SyntaxErrorsNameLineAndColumn) {
  const Lines lines = problems("{\n  \"tiles\": {\n    \"size_px\": 5,\n  }\n}");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("run.json:4:3: syntax error")) << lines[0];
}

TEST_F(OptionsFile, KeysThatStandTwiceAreFound) {
  EXPECT_EQ(problems(R"({"tiles": {"size_px": 512, "size_px": 256},
                         "slides": ["a", {"path": "b", "path": "c"}]})"),
            (Lines{"run.json at /tiles/size_px: stands twice; keep one",
                   "run.json at /slides/1/path: stands twice; keep one"}));
}

TEST_F(OptionsFile, MissingFilesAreNoInput) {
  try {
    static_cast<void>(load_config(folder_ / "nowhere.json", {}));
    FAIL() << "a missing file was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNoInput);
    EXPECT_NE(std::string(error.what()).find("nowhere.json"), std::string::npos);
  }
  EXPECT_THROW(static_cast<void>(load_config(folder_, {})), Error);
}

TEST_F(OptionsFile, SetsWinOverTheFile) {
  const Options options =
      load(R"({"tiles": {"size_px": 512}, "slides": ["a.svs"]})",
           {"/tiles/size_px=1024", "/sample/fraction=0.5", "/memory/host_per_rank=512MiB",
            "/slides/-=b.svs", "/slides/0/mpp=0.25", "/manifest=12", "/tiles/mpp=null",
            "/task/classes/0/max_area_um2=900", "/tissue/method=hsv"});
  EXPECT_EQ(options.tiles.size_px, 1024);
  EXPECT_EQ(options.sample.fraction, 0.5);
  EXPECT_EQ(options.memory.host_per_rank, std::size_t{512} << 20);
  ASSERT_EQ(options.slides.size(), 2U);
  EXPECT_EQ(options.slides[0].path, "a.svs");
  EXPECT_EQ(options.slides[0].mpp, 0.25);
  EXPECT_EQ(options.slides[1].path, "b.svs");
  EXPECT_EQ(options.manifest, "12");
  ASSERT_EQ(options.segment.classes.size(), 1U);
  EXPECT_EQ(options.segment.classes[0].name, "nucleus");
  EXPECT_EQ(options.segment.classes[0].max_area_um2, 900.0);
  EXPECT_EQ(options.tissue.method, TissueMethod::kHsv);
}

TEST_F(OptionsFile, WrongSetsAreNamed) {
  EXPECT_EQ(problems(R"({"tiles": {"size_px": 3}})",
                     {"/sample/fraction=10", "tiles.size_px=5", "/tiles/sise_px=5",
                      "/tiles/mpp/x=5", "/task/classes/7/name=x"}),
            (Lines{"--set tiles.size_px=5: expected /json/pointer=value, such as "
                   "/sample/fraction=0.2",
                   "--set at /task/classes/7/name: 7 is no index of the list /task/classes",
                   "run.json at /tiles/size_px: 3 is not in [16, 32768]",
                   "--set at /tiles/sise_px: unknown key; did you mean /tiles/size_px?",
                   "--set at /tiles/mpp: expected a number, got an object",
                   "--set at /sample/fraction: 10 is not in (0, 1]; write 0.1 for ten percent"}));
}

TEST(OptionsJson, RoundTripsEveryKey) {
  Options options;
  options.slides = {{"a.svs", "", "", std::nullopt}, {"b.svs", "B", "g", 0.1 + 0.2}};
  options.tissue.min_fraction = 1.0 / 3.0;
  options.sample.seed = ~std::uint64_t{0};
  options.memory.host_per_rank = 1234567;
  options.output.codec = Codec::kLz4;
  const std::string text = options_to_json(options);
  const Options again = options_from_json(text);
  EXPECT_EQ(options_to_json(again), text);
  EXPECT_EQ(again.slides[1].mpp, options.slides[1].mpp);
  EXPECT_EQ(again.tissue.min_fraction, options.tissue.min_fraction);
  EXPECT_EQ(again.memory.host_per_rank, options.memory.host_per_rank);
}

constexpr char kReinhardTarget[] =
    R"({"method": "reinhard", "mean": [0, 0, 0], "deviation": [1, 1, 1]})";

/// A value other than the default for each key, so that no binding can be forgotten or crossed.
TEST(OptionsSchema, EveryKeyReachesItsOwnMember) {
  const std::map<std::string, std::string> words = {{"/slides", R"(["a"])"},
                                                    {"/manifest", R"("m.csv")"},
                                                    {"/annotations/folder", R"("regions")"},
                                                    {"/annotations/include", R"(["a"])"},
                                                    {"/annotations/exclude", R"(["a"])"},
                                                    {"/annotations/classes", R"({"a": 3})"},
                                                    {"/tissue/method", R"("hsv")"},
                                                    {"/tissue/exact", "true"},
                                                    {"/sample/stratify_by", R"("slide")"},
                                                    {"/task/kind", R"("tile-features")"},
                                                    {"/task/modality", R"("brightfield")"},
                                                    {"/task/stain", R"("he")"},
                                                    {"/task/classes", R"([{"name":"x"}])"},
                                                    {"/patches/pad", "true"},
                                                    {"/patches/one_by_one", "true"},
                                                    {"/patches/pixels", R"("npy")"},
                                                    {"/stain/normalise", R"("macenko")"},
                                                    {"/stain/reference", R"("a.svs")"},
                                                    {"/stain/target", kReinhardTarget},
                                                    {"/workers/device", R"("cuda")"},
                                                    {"/workers/reader", R"("direct")"},
                                                    {"/workers/stage", R"("/tmp")"},
                                                    {"/workers/stage_limit", R"("3GiB")"},
                                                    {"/output/compression", R"("none")"},
                                                    {"/memory/host_per_rank", R"("1GiB")"},
                                                    {"/memory/device_per_rank", R"("2GiB")"}};
  const Json defaults = Json::parse(options_to_json(Options{})).flatten();
  for (const auto& key : option_keys()) {
    const std::string& pointer = key.info.pointer;
    const auto word = words.find(pointer);
    Json value;
    if (word != words.end()) {
      value = Json::parse(word->second);
    } else {  // a number: the lower end of the range, or a little more
      const double low = std::strtod(key.info.range.c_str() + 1, nullptr);
      value = key.info.type.starts_with("integer") ? Json(static_cast<std::int64_t>(low) + 1)
                                                   : Json(low + 0.015625);
    }
    Options options;
    std::vector<ConfigProblem> problems;
    key.set(options, value, pointer, problems);
    ASSERT_TRUE(problems.empty()) << pointer << ": " << problems[0].message;
    const Json changed = Json::parse(options_to_json(options)).flatten();
    std::size_t elsewhere = 0;
    bool here = false;
    for (const auto& [at, written] : changed.items()) {
      if (defaults.contains(at) && defaults[at] == written) continue;
      (at == pointer || at.starts_with(pointer + "/") ? here : (++elsewhere, here)) = true;
    }
    EXPECT_TRUE(here) << pointer << " changed nothing";
    EXPECT_EQ(elsewhere, 0U) << pointer << " changed another key";
  }
}

/// Keys directly in `section`.
std::size_t keys_in(const std::string& section) {
  return static_cast<std::size_t>(
      std::count_if(option_keys().begin(), option_keys().end(),
                    [&](const auto& key) { return key.info.pointer.starts_with(section + "/"); }));
}

/// A member without a key could never be set. A structured binding names all members, so that a new
/// one stops the build here: add its key, then its name.
TEST(OptionsSchema, EveryMemberHasAKey) {
  const Options options;
  [[maybe_unused]] const auto& [t1, t2, t3] = options.tiles;
  EXPECT_EQ(keys_in("/tiles"), 3U);
  [[maybe_unused]] const auto& [i1, i2, i3, i4, i5, i6, i7] = options.tissue;
  EXPECT_EQ(keys_in("/tissue"), 7U);
  [[maybe_unused]] const auto& [s1, s2, s3, s4] = options.sample;
  EXPECT_EQ(keys_in("/sample"), 4U);
  [[maybe_unused]] const auto& [g1, g2, g3, g4, g5, g6, g7, g8, g9, g10, g11, g12, g13, g14, g15,
                                g16] = options.segment;
  EXPECT_EQ(keys_in("/task"), 16U + 1U);  // and /task/kind
  [[maybe_unused]] const auto& [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13] =
      options.patches;
  EXPECT_EQ(keys_in("/patches"), 13U);
  [[maybe_unused]] const auto& [n1, n2, n3] = options.stain;
  EXPECT_EQ(keys_in("/stain"), 3U);
  [[maybe_unused]] const auto& [c1, c2] = options.calibration;
  EXPECT_EQ(keys_in("/calibration"), 2U);
  [[maybe_unused]] const auto& [m1, m2] = options.memory;
  EXPECT_EQ(keys_in("/memory"), 2U);
  [[maybe_unused]] const auto& [w1, w2, w3, w4, w5, w6] = options.workers;
  EXPECT_EQ(keys_in("/workers"), 6U);
  [[maybe_unused]] const auto& [x1, x2, x3, x4] = options.annotations;
  EXPECT_EQ(keys_in("/annotations"), 4U);
  [[maybe_unused]] const auto& [o1, o2] = options.output;
  EXPECT_EQ(keys_in("/output"), 1U);  // codec and level are one key
  [[maybe_unused]] const auto& [r1, r2, r3, r4, r5] = options.run;
  EXPECT_EQ(keys_in("/run"), 5U);
  [[maybe_unused]] const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15] =
      options;
  EXPECT_EQ(option_keys().size(), 2U + 4 + 3 + 7 + 4 + 17 + 13 + 3 + 2 + 2 + 6 + 1 + 5);
}

TEST(OptionsJson, ExactTissueIsAFlagAndKnowsNoVariance) {
  EXPECT_TRUE(options_from_json(R"({"tissue":{"exact":true}})").tissue.exact);
  const auto problem = [](const char* text) -> std::string {
    try {
      (void)options_from_json(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(problem(R"({"tissue":{"exact":1}})").find("expected true or false, got the number 1"),
            std::string::npos);
  EXPECT_NE(problem(R"({"tissue":{"exact":true,"method":"variance"}})").find("/tissue/exact"),
            std::string::npos);
}

TEST(OptionsJson, AnnotationsAreReadBackAndContradictionsTold) {
  const char* const text = R"({"slides": [{"path": "a.svs", "annotations": "a.xml"}],
      "annotations": {"folder": "regions", "include": ["Tumor", "In situ"], "exclude": ["Fold"],
                      "classes": {"b": 2, "a": 1}}})";
  const Options options = options_from_json(text);
  EXPECT_EQ(options.slides[0].annotations, "a.xml");
  EXPECT_EQ(options.annotations.folder, "regions");
  EXPECT_EQ(options.annotations.include, (std::vector<std::string>{"Tumor", "In situ"}));
  // The order in the file is that in which they are painted.
  EXPECT_EQ(options.annotations.classes, (std::vector<AnnotationClass>{{"b", 2}, {"a", 1}}));
  const Options again = options_from_json(options_to_json(options));
  EXPECT_EQ(again.annotations.classes, options.annotations.classes);
  EXPECT_EQ(again.slides[0].annotations, "a.xml");
  // What decides results is in the identity, where files lie is not.
  Options other = options;
  other.annotations.folder = "elsewhere";
  EXPECT_EQ(result_identity_json(other, true), result_identity_json(options, true));
  other.annotations.classes.pop_back();
  EXPECT_NE(result_identity_json(other, true), result_identity_json(options, true));
  const std::vector<std::pair<const char*, const char*>> wrong = {
      {R"({"annotations": {"include": "Tumor"}})", "/annotations/include: expected a list"},
      {R"({"annotations": {"include": [""]}})", "/annotations/include/0: a name of regions"},
      {R"({"annotations": {"include": ["a", "a"]}})", "stands twice"},
      {R"({"annotations": {"include": ["a"], "exclude": ["a"]}})", "is in /annotations/include"},
      {R"({"annotations": {"classes": ["a"]}})", "/annotations/classes: expected an object"},
      {R"({"annotations": {"classes": {"a": 0}}})", "/annotations/classes/a: 0 is not in [1, 255]"},
      {R"({"annotations": {"exclude": ["a"]}, "tissue": {"method": "variance"}})",
       "/tissue/method: variance"},
      {R"({"annotations": {"exclude": ["a"]}, "tissue": {"min_fraction": 0}})",
       "/tissue/min_fraction: 0 puts every tile"}};
  for (const auto& [config, message] : wrong)
    EXPECT_NE(std::string(testing::error_of([&] { (void)options_from_json(config); }).what())
                  .find(message),
              std::string::npos)
        << config;
}

TEST(OptionsSchema, EveryKeyIsDocumentedWithRange) {
  for (const KeyInfo& info : key_infos()) {
    EXPECT_TRUE(info.doc.ends_with(".")) << info.pointer;
    EXPECT_FALSE(info.type.empty()) << info.pointer;
    const bool numeric = info.type.starts_with("integer") || info.type.starts_with("number");
    EXPECT_TRUE(!numeric || !info.range.empty()) << info.pointer;
  }
}

TEST(ResultIdentity, HoldsWhatChangesResultsAndNothingElse) {
  const std::string base = result_identity_json(Options{}, true);
  Options elsewhere;
  elsewhere.memory.host_per_rank = kGiB;
  elsewhere.workers.readers = 0;
  elsewhere.workers.device = Device::kCpu;
  elsewhere.workers.reader = Reader::kOpenSlide;
  elsewhere.workers.stage = "/local/scratch";
  elsewhere.workers.stage_limit = kGiB;
  elsewhere.output.codec = Codec::kLz4;
  elsewhere.run.range_tiles = 3;
  elsewhere.tissue.scan_strip_mpx = 1;
  elsewhere.slides = {{"other.svs", "", "", std::nullopt}};
  EXPECT_EQ(result_identity_json(elsewhere, true), base);

  Options other;
  other.tiles.size_px = 1024;
  other.sample.fraction = 0.5;
  other.segment.classes[0].name = "mk";
  EXPECT_EQ(differing_keys(base, result_identity_json(other, true)),
            (Lines{"/tiles/size_px: 3000 -> 1024", "/sample/fraction: 0.1 -> 0.5",
                   "/task/classes/0/name: \"nucleus\" -> \"mk\""}));
  EXPECT_EQ(result_identity_json(other, false).find("fraction\":0.5"), std::string::npos);
}

TEST(ResultIdentity, TellsGrowthOfTheSample) {
  const std::string base = result_identity_json(Options{}, true);
  Options larger;
  larger.sample.count = 4000;
  EXPECT_TRUE(differs_only_in_sample_size(base, result_identity_json(larger, true)));
  EXPECT_EQ(differing_keys(base, result_identity_json(larger, true)),
            (Lines{"/sample/count: null -> 4000"}));
  larger.sample.seed = 1;
  EXPECT_FALSE(differs_only_in_sample_size(base, result_identity_json(larger, true)));
  EXPECT_FALSE(differs_only_in_sample_size(base, base));
  EXPECT_EQ(result_identity_json(Options{}, false), result_identity_json(larger, false));
}

TEST(ReferenceConfig, IsTheDefaults) {
  EXPECT_EQ(options_to_json(options_from_json(reference_config())), options_to_json(Options{}));
  const std::string reference = reference_config();
  for (const KeyInfo& info : key_infos())
    EXPECT_NE(reference.find(info.doc), std::string::npos) << info.pointer;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

TEST(ReferenceConfig, CommittedFilesAreCurrent) {
  const std::filesystem::path source = TILEPOOL_SOURCE_DIR;
  EXPECT_EQ(text_of(source / "configs/reference.jsonc"), reference_config())
      << "write it again: scripts/update-reference.sh";
  EXPECT_NE(text_of(source / "docs/configuration.md").find(configuration_table()),
            std::string::npos)
      << "write it again: scripts/update-reference.sh";
}

TEST(ReferenceConfig, ExamplesLoad) {
  const std::filesystem::path configs = std::filesystem::path(TILEPOOL_SOURCE_DIR) / "configs";
  std::size_t examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(configs)) {
    if (entry.path().extension() != ".jsonc") continue;
    EXPECT_NO_THROW(static_cast<void>(load_config(entry.path(), {}))) << entry.path();
    ++examples;
  }
  EXPECT_GE(examples, 3U);
}

}  // namespace
}  // namespace tilepool
