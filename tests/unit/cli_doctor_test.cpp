#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/doctor_checks.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
using Health = Finding::Health;

class DoctorFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tilepool-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(DoctorFolder, ThisMachineCanRun) {
  const auto findings = examine({folder_ / "runs/x", "", "", {}});
  for (const Finding& one : findings)
    EXPECT_NE(one.health, Health::kFail) << one.check << ": " << one.found;
  EXPECT_EQ(doctor_exit_code(findings), 0);
  EXPECT_TRUE(fs::is_empty(folder_)) << "doctor left something behind";
  for (const char* check : {"MPI", "mpirun", "parallel HDF5", "filters", "OpenSlide", "cores",
                            "memory", "/dev/shm", "GPU", "free space", "run directory"})
    EXPECT_EQ(std::count_if(findings.begin(), findings.end(),
                            [&](const Finding& one) { return one.check == check; }),
              1)
        << check;
}

TEST_F(DoctorFolder, WarningsAndFailuresNameTheWayOut) {
  std::ofstream(folder_ / "not-a-slide.svs") << "text";
  const SlideSpec broken{"b", (folder_ / "not-a-slide.svs").string(), "", std::nullopt, ""};
  const SlideSpec missing{"m", "/nowhere.svs", "", std::nullopt, "no such file"};
  const auto findings = examine({folder_, "c.json", "", {broken, missing}});
  for (const Finding& one : findings)
    EXPECT_EQ(one.remedy.empty(), one.health == Health::kPass) << one.check;
  const auto slides = check_slides({broken, missing}, Reader::kAuto);
  ASSERT_EQ(slides.size(), 3U);
  EXPECT_EQ(slides[0].health, Health::kWarn);
  EXPECT_EQ(slides[0].check, "slide b");
  EXPECT_EQ(slides[1].found, "/nowhere.svs: no such file");
  EXPECT_EQ(slides[2].health, Health::kFail);
  EXPECT_EQ(slides[2].found, "0 of 2 open, 0 read directly");
  EXPECT_EQ(doctor_exit_code(findings), 78);
}

TEST_F(DoctorFolder, TheFolderForCopiesOfSlides) {
  std::ofstream(folder_ / "a.svs") << std::string(2048, 'x');
  std::ofstream(folder_ / "b.mrxs") << "x";
  const SlideSpec here{"a", (folder_ / "a.svs").string(), "", std::nullopt, ""};
  const SlideSpec several{"b", (folder_ / "b.mrxs").string(), "", std::nullopt, ""};
  const Finding missing = check_stage(folder_ / "none", {here});
  EXPECT_EQ(missing.health, Health::kFail);
  EXPECT_EQ(missing.found.find((folder_ / "none").string() + " is not there"), 0U);
  EXPECT_FALSE(missing.remedy.empty());
  EXPECT_EQ(doctor_exit_code({missing}), 78);
  const Finding beside = check_stage(folder_, {here});
  EXPECT_EQ(beside.health, Health::kWarn);
  EXPECT_NE(beside.found.find("2.00 KiB of slides to copy; 1 lie on the same file system"),
            std::string::npos)
      << beside.found;
  const Finding in_place = check_stage("/dev/shm", {several});
  EXPECT_EQ(in_place.health, Health::kWarn);
  EXPECT_NE(in_place.found.find("1 are several files each"), std::string::npos) << in_place.found;
  EXPECT_EQ(check_stage("/dev/shm", {}).health, Health::kPass);
}

TEST_F(DoctorFolder, EveryProblemOfAConfigurationIsAFailure) {
  const auto findings = examine({folder_, "c.json", "one\ntwo", {}});
  EXPECT_EQ(std::count_if(findings.begin(), findings.end(),
                          [](const Finding& one) { return one.health == Health::kFail; }),
            2);
  EXPECT_EQ(doctor_exit_code(findings), 78);
}

TEST_F(DoctorFolder, AFolderThatCannotBeWrittenToFails) {
  // /proc refuses to make files whoever asks, root included.
  const Finding finding = check_commit("/proc/self/fdinfo");
  EXPECT_EQ(finding.health, Health::kFail);
  EXPECT_EQ(doctor_exit_code({finding}), 74);
  EXPECT_EQ(check_commit(folder_).health, Health::kPass);
}

TEST_F(DoctorFolder, FullFileSystemsFail) {
  EXPECT_EQ(check_space("/proc").health, Health::kFail);  // has no room at all
  EXPECT_EQ(check_shared_memory("/proc").health, Health::kWarn);
  EXPECT_EQ(check_shared_memory(folder_ / "absent").health, Health::kWarn);
}

TEST(DoctorReport, TextAndJson) {
  const std::vector<Finding> findings = {
      {Health::kPass, Finding::Area::kMachine, "a", "good", ""},
      {Health::kFail, Finding::Area::kFiles, "b", "bad", "do this"}};
  EXPECT_EQ(findings_text(findings, false),
            "PASS  a: good\nFAIL  b: bad\n      do this\n1 pass, 0 warn, 1 fail\n");
  const auto json = nlohmann::json::parse(findings_json(findings));
  EXPECT_EQ(json["fail"], 1);
  EXPECT_EQ(json["checks"][1]["status"], "FAIL");
  EXPECT_EQ(json["checks"][1]["remedy"], "do this");
}

TEST(DoctorReport, OutputOfCommands) {
  EXPECT_EQ(first_output_line("printf ' one \\ntwo\\n'"), "one");
  EXPECT_EQ(first_output_line("exit 3"), "");
  EXPECT_EQ(first_output_line("no-such-command 2>/dev/null"), "");
}

}  // namespace
}  // namespace tilepool
