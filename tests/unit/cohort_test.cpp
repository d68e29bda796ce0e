#include "master/cohort.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "master/glob.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

TEST(MatchesGlob, FollowsTheShell) {
  EXPECT_TRUE(matches_glob("*.svs", "a.svs"));
  EXPECT_FALSE(matches_glob("*.svs", "a.SVS"));
  EXPECT_FALSE(matches_glob("*.svs", "a.svs.bak"));
  EXPECT_FALSE(matches_glob("*", ".hidden"));
  EXPECT_TRUE(matches_glob(".*", ".hidden"));
  EXPECT_TRUE(matches_glob("a?c", "abc"));
  EXPECT_TRUE(matches_glob("a?c",
                           "a\xC3\xA9"
                           "c"));  // one character, two bytes
  EXPECT_FALSE(matches_glob("a?c", "ac"));
  EXPECT_TRUE(matches_glob("x[0-9a]z", "x5z"));
  EXPECT_TRUE(matches_glob("x[0-9a]z", "xaz"));
  EXPECT_FALSE(matches_glob("x[!0-9]z", "x5z"));
  EXPECT_TRUE(matches_glob("x[]]z", "x]z"));
  EXPECT_TRUE(matches_glob("x[z", "x[z"));  // no end: literal
  EXPECT_TRUE(matches_glob("x\\*z", "x*z"));
  EXPECT_FALSE(matches_glob("x\\*z", "xyz"));
  EXPECT_TRUE(matches_glob("*a*b*", "xxaxxbxx"));
  EXPECT_FALSE(matches_glob("*a*b*", "xxbxxaxx"));
  EXPECT_TRUE(matches_glob("**", ""));
}

class CohortFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tilepool-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = fs::canonical(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void touch(const std::string& name, const std::string& text = "x") const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::vector<SlideSpec> expand(const std::vector<SlideEntry>& slides,
                                const std::string& manifest = "") {
    Options options;
    options.slides = slides;
    options.manifest = manifest;
    warnings_.clear();
    return expand_cohort(options, folder_, warnings_);
  }
  static std::vector<SlideEntry> paths(const Lines& names) {
    std::vector<SlideEntry> entries;
    for (const std::string& name : names) entries.push_back({name, "", "", std::nullopt});
    return entries;
  }
  static Lines ids(const std::vector<SlideSpec>& specs) {
    Lines list;
    for (const SlideSpec& spec : specs) list.push_back(spec.id);
    return list;
  }
  /// What expanding throws: its code and its lines, the folder's name taken off.
  std::string error(ErrorCode expected, const std::vector<SlideEntry>& slides,
                    const std::string& manifest = "") {
    try {
      static_cast<void>(expand(slides, manifest));
    } catch (const Error& thrown) {
      EXPECT_EQ(thrown.code(), expected) << thrown.what();
      std::string text = thrown.what();
      for (std::size_t at = text.find(folder_.string()); at != std::string::npos;
           at = text.find(folder_.string()))
        text.erase(at, folder_.string().size() + 1);
      return text;
    }
    return "nothing thrown";
  }
  fs::path folder_;
  Lines warnings_;
};

TEST_F(CohortFolder, GlobsAreSortedAndLeaveFoldersOut) {
  for (const char* name : {"b.svs", "a.svs", "c.SVS", ".h.svs", "sub/d.svs", "sub/deep/e.svs"})
    touch(name);
  fs::create_directory(folder_ / "folder.svs");
  EXPECT_EQ(ids(expand(paths({"*.svs"}))), (Lines{"a", "b"}));
  EXPECT_EQ(ids(expand(paths({"**/*.svs"}))), (Lines{"a", "b", "d", "e"}));
  EXPECT_EQ(ids(expand(paths({"sub/**"}))), (Lines{"d", "e"}));
  EXPECT_EQ(ids(expand(paths({"s?b/*.[st]vs"}))), (Lines{"d"}));
  EXPECT_EQ(ids(expand(paths({"./sub/../a.svs"}))), (Lines{"a"}));
  EXPECT_EQ(expand(paths({"sub/../a.svs"}))[0].path, (folder_ / "a.svs").string());
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(CohortFolder, DescendingDoesNotFollowLinksInCircles) {
  touch("top/a.svs");
  fs::create_directory_symlink(folder_ / "top", folder_ / "top/again");
  fs::create_directory_symlink(folder_ / "top", folder_ / "linked");
  EXPECT_EQ(ids(expand(paths({"top/**/*.svs"}))), (Lines{"a"}));
  EXPECT_EQ(ids(expand(paths({"linked/**/*.svs"}))), (Lines{"a"}));  // named, so followed
}

TEST_F(CohortFolder, MiraxCompanionFoldersHoldNoSlides) {
  touch("m/one.mrxs");
  touch("m/one/Data0000.dat");
  touch("m/one/Slidedat.ini");
  touch("m/other/two.tif");
  EXPECT_EQ(ids(expand(paths({"m/*"}))), (Lines{"one"}));
  EXPECT_EQ(ids(expand(paths({"m/**"}))), (Lines{"one", "two"}));
  EXPECT_EQ(ids(expand(paths({"m/*/*"}))), (Lines{"two"}));
}

TEST_F(CohortFolder, FilesWithGlobCharactersInTheirNames) {
  touch("slide [1].svs");
  EXPECT_EQ(ids(expand(paths({"slide [1].svs"}))), (Lines{"slide [1]"}));
}

TEST_F(CohortFolder, MissingPathsBecomeSlidesThatFail) {
  touch("a.svs");
  fs::create_directory(folder_ / "dir");
  const auto specs = expand(paths({"a.svs", "typo.svs", "dir"}));
  ASSERT_EQ(ids(specs), (Lines{"a", "dir", "typo"}));
  EXPECT_EQ(specs[0].problem, "");
  EXPECT_EQ(specs[1].problem, "is a folder; write FOLDER/*.svs");
  EXPECT_EQ(specs[2].problem, "no such file");
}

TEST_F(CohortFolder, NothingThatExistsIsNoInput) {
  EXPECT_EQ(error(ErrorCode::kNoInput, {}), "no slides: set /slides or /manifest");
  EXPECT_EQ(error(ErrorCode::kNoInput, paths({"*.svs"})), "/slides/0: *.svs matches no file");
  EXPECT_EQ(error(ErrorCode::kNoInput, paths({"typo.svs"})), "/slides/0: typo.svs: no such file");
  EXPECT_EQ(error(ErrorCode::kNoInput, {}, "m.csv"), "/manifest: m.csv: no such file");
  touch("m.csv", "path,id\n");
  EXPECT_EQ(error(ErrorCode::kNoInput, {}, "m.csv"), "/manifest: m.csv lists no slide");
  touch("m.csv", "");
  EXPECT_EQ(error(ErrorCode::kNoInput, {}, "m.csv"), "/manifest: m.csv lists no slide");
}

TEST_F(CohortFolder, AGlobWithoutFilesBesideOthersIsAWarning) {
  touch("a.svs");
  EXPECT_EQ(ids(expand(paths({"a.svs", "*.ndpi"}))), (Lines{"a"}));
  EXPECT_EQ(warnings_, (Lines{"/slides/1: " + (folder_ / "*.ndpi").string() + " matches no file"}));
}

TEST_F(CohortFolder, DuplicateIdsAreToldApart) {
  touch("x/s.svs");
  touch("y/s.tif");
  touch("z/s~2.svs");
  const auto specs = expand(paths({"z/s~2.svs", "y/s.tif", "x/s.svs", "w/s.svs"}));
  ASSERT_EQ(ids(specs), (Lines{"s", "s~2", "s~3", "s~4"}));
  EXPECT_EQ(specs[0].path, (folder_ / "x/s.svs").string());  // the first that exists
  EXPECT_EQ(specs[1].problem, "");
  EXPECT_EQ(specs[2].path, (folder_ / "w/s.svs").string());
  EXPECT_EQ(specs[2].problem, "no such file");
  EXPECT_EQ(specs[3].problem,
            "duplicate id 's': also " + (folder_ / "x/s.svs").string() + "; give an \"id\"");
}

TEST_F(CohortFolder, OrderOfNamingDoesNotMatter) {
  for (const char* name : {"x/s.svs", "y/s.svs", "b.svs", "a.svs"}) touch(name);
  Lines names = {"x/s.svs", "y/s.svs", "b.svs", "a.svs", "none.svs"};
  const auto first = expand(paths(names));
  while (std::next_permutation(names.begin(), names.end())) {
    const auto again = expand(paths(names));
    ASSERT_EQ(again.size(), first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(again[i].id, first[i].id);
      EXPECT_EQ(again[i].path, first[i].path);
      EXPECT_EQ(again[i].problem, first[i].problem);
    }
  }
}

TEST_F(CohortFolder, TheSameFileTwiceIsOneSlideWithBothPlacesWords) {
  touch("a.svs");
  fs::create_symlink(folder_ / "a.svs", folder_ / "link.svs");
  const auto specs = expand({{"*.svs", "", "G", std::nullopt}, {"./a.svs", "A", "", 0.25}});
  ASSERT_EQ(ids(specs), (Lines{"A"}));
  EXPECT_EQ(specs[0].path, (folder_ / "a.svs").string());
  EXPECT_EQ(specs[0].group, "G");
  EXPECT_EQ(specs[0].mpp, 0.25);
  EXPECT_EQ(warnings_.size(), 2U);
  EXPECT_EQ(error(ErrorCode::kConfig, {{"a.svs", "A", "", 0.5}, {"a.svs", "B", "", 0.25}}),
            "/slides/1: a.svs is named at /slides/0 and /slides/1 with different id\n"
            "/slides/1: a.svs is named at /slides/0 and /slides/1 with different mpp");
}

TEST_F(CohortFolder, OneIdForSeveralFilesIsRefused) {
  touch("a.svs");
  touch("b.svs");
  EXPECT_EQ(error(ErrorCode::kConfig, {{"*.svs", "X", "", std::nullopt}}),
            "/slides/0: one id, \"X\", for the 2 files that *.svs matches");
  EXPECT_EQ(ids(expand({{"a*.svs", "X", "", std::nullopt}})), (Lines{"X"}));
}

TEST_F(CohortFolder, IdsAreSortedBytewise) {
  for (const char* name : {"b.svs", "B.svs", "a-1.svs", "a.svs", "\xC3\xA9.svs", "ab.svs"})
    touch(name);
  EXPECT_EQ(ids(expand(paths({"*"}))), (Lines{"B", "a", "a-1", "ab", "b", "\xC3\xA9"}));
}

TEST_F(CohortFolder, NamesThatCannotBeWrittenDownFail) {
  touch("good.svs");
  touch("bad\xFF.svs");
  touch("line\nbreak.svs");
  const auto specs = expand(paths({"*.svs"}));
  ASSERT_EQ(ids(specs), (Lines{"bad_", "good", "line_break"}));
  EXPECT_EQ(specs[0].problem, "the path is not UTF-8; rename the file or its folder");
  EXPECT_EQ(specs[2].problem, "the path has a control character; rename it");
}

TEST_F(CohortFolder, ManifestInCsv) {
  touch("lists/a.svs");
  touch("lists/with, comma.svs");
  touch("lists/m.csv",
        "\xEF\xBB\xBFstain,path,group,id,mpp\r\n"
        "HE,a.svs,\"G \"\"1\"\"\",A,0.25\r\n"
        "\r\n"
        "HE,\"with, comma.svs\",,,\r\n"
        "HE,gone.svs");
  const auto specs = expand({}, "lists/m.csv");
  ASSERT_EQ(ids(specs), (Lines{"A", "gone", "with, comma"}));
  EXPECT_EQ(specs[0].group, "G \"1\"");
  EXPECT_EQ(specs[0].mpp, 0.25);
  EXPECT_EQ(specs[0].path, (folder_ / "lists/a.svs").string());
  EXPECT_EQ(specs[1].problem, "no such file");
  EXPECT_FALSE(specs[2].mpp.has_value());
  EXPECT_EQ(warnings_,
            (Lines{(folder_ / "lists/m.csv").string() + ": column \"stain\" is not used"}));
}

TEST_F(CohortFolder, ManifestMistakesAreListedByLine) {
  touch("m.csv",
        "path,id,mpp\n"
        "a.svs,A,zero\n"
        "\n"
        ",B,0.5\n"
        "\"two\nlines.svs\",C,99\n"
        "d.svs,D,0.5,extra\n"
        "\"open,E,0.5\n");
  EXPECT_EQ(error(ErrorCode::kConfig, {}, "m.csv"),
            "m.csv:2: mpp \"zero\" is not a number\n"
            "m.csv:4: has no path\n"
            "m.csv:5: path has a control character\n"
            "m.csv:5: mpp 99 is not in [0.05, 20] um/px\n"
            "m.csv:7: has 4 fields, the header has 3; quote a field that holds a comma\n"
            "m.csv:8: a quote \" is not closed");
  touch("m.csv", "file;id\na.svs;A\n");
  EXPECT_EQ(error(ErrorCode::kConfig, {}, "m.csv"),
            "m.csv:1: the header has no column \"path\"; it is \"file;id\", expected "
            "path[,id][,group][,mpp][,annotations] separated by commas");
  touch("m.csv", "path,path\na,b\n");
  EXPECT_EQ(error(ErrorCode::kConfig, {}, "m.csv"), "m.csv:1: column \"path\" stands twice");
}

TEST_F(CohortFolder, AnnotationsByEntryManifestAndFolder) {
  for (const char* name : {"a.svs", "b.ndpi", "c.svs", "d.svs", "e.svs"}) touch(name);
  touch("regions/b.ndpi.ndpa");
  touch("regions/C1.xml");
  touch("regions/d.xml");
  touch("regions/d.geojson");
  touch("lists/slides.csv", "path,annotations\n../e.svs,own/e.xml\n");
  Options options;
  options.slides = {{"a.svs", "", "", std::nullopt, "drawn/a.xml"}, {"c.svs", "C1"}};
  options.slides.push_back({"b.ndpi"});
  options.slides.push_back({"d.svs"});
  options.manifest = "lists/slides.csv";
  options.annotations.folder = "regions";
  const auto specs = expand_cohort(options, folder_, warnings_);
  std::map<std::string, std::string> found, problems;
  for (const SlideSpec& spec : specs) {
    found[spec.id] = fs::path(spec.annotations).lexically_relative(folder_).string();
    problems[spec.id] = spec.problem;
  }
  EXPECT_EQ(found["a"], "drawn/a.xml");  // named: taken as it is, there or not
  EXPECT_EQ(found["b"], "regions/b.ndpi.ndpa");
  EXPECT_EQ(found["C1"], "regions/C1.xml");
  EXPECT_EQ(found["e"], "lists/own/e.xml");
  EXPECT_EQ(specs.at(3).annotations, "");  // d: two files fit
  EXPECT_NE(problems["d"].find("2 annotation files fit it"), std::string::npos);
  options.annotations.folder = "nowhere";
  EXPECT_THROW((void)expand_cohort(options, folder_, warnings_), Error);
  options.annotations.folder.reset();
  options.slides.push_back({"*.svs", "", "", std::nullopt, "one.xml"});
  EXPECT_THROW((void)expand_cohort(options, folder_, warnings_), Error);
}

}  // namespace
}  // namespace tilepool
