#include "common/base/system.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/units.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// A made-up root with its own /proc and cgroup file systems.
class FakeRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tilepool-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  fs::path root_;
};

constexpr const char* kUnifiedMount =
    "22 1 0:20 / /proc rw - proc proc rw\n"
    "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST_F(FakeRoot, UnifiedTakesTheLeastUpToTheRoot) {
  write("proc/self/mountinfo", kUnifiedMount);
  write("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
  write("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n");
  write("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/slurm/job_7/memory.max", "2147483648\n");
  write("sys/fs/cgroup/slurm/job_7/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/slurm/memory.max", "8589934592\n");
  write("sys/fs/cgroup/slurm/cpu.max", "400000 100000\n");
  const CgroupLimits limits = cgroup_limits(root_);
  EXPECT_EQ(limits.memory_bytes, 2 * kGiB);
  EXPECT_EQ(limits.cpu_cores, 1.5);
}

TEST_F(FakeRoot, UnlimitedIsUnlimited) {
  write("proc/self/mountinfo", kUnifiedMount);
  write("proc/self/cgroup", "0::/user.slice\n");
  write("sys/fs/cgroup/user.slice/memory.max", "max\n");
  EXPECT_FALSE(cgroup_limits(root_).memory_bytes.has_value());
  EXPECT_FALSE(cgroup_limits(root_).cpu_cores.has_value());
}

TEST_F(FakeRoot, NothingThereIsUnlimited) {
  EXPECT_FALSE(cgroup_limits(root_).memory_bytes.has_value());
}

TEST_F(FakeRoot, VersionOneHasAHierarchyForEachController) {
  write("proc/self/mountinfo",
        "31 22 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 22 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 22 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
  write("proc/self/cgroup", "4:memory:/slurm/uid_1\n3:cpu,cpuacct:/slurm\n2:pids:/\n");
  write("sys/fs/cgroup/memory/slurm/uid_1/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/slurm/memory.limit_in_bytes", "1073741824\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_quota_us", "300000\n");
  write("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const CgroupLimits limits = cgroup_limits(root_);
  EXPECT_EQ(limits.memory_bytes, kGiB);
  EXPECT_EQ(limits.cpu_cores, 3.0);
}

TEST_F(FakeRoot, AContainerMountsAPartOfTheHierarchy) {
  // The group is /docker/abc, and what is mounted is just that, under a path with a blank.
  write("proc/self/mountinfo",
        "30 22 0:26 /docker/abc /sys/fs/my\\040groups rw - cgroup2 cgroup2 rw\n");
  write("proc/self/cgroup", "0::/docker/abc/inner\n");
  write("sys/fs/my groups/memory.max", "536870912\n");
  write("sys/fs/my groups/inner/memory.max", "268435456\n");
  EXPECT_EQ(cgroup_limits(root_).memory_bytes, 256 * kMiB);
  write("proc/self/cgroup", "0::/../elsewhere\n");  // seen from another namespace
  EXPECT_EQ(cgroup_limits(root_).memory_bytes, 512 * kMiB);
}

/// Runs `body` in a child, so that what it does to the environment stays there.
template <class Body>
void in_child(Body body) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Memory, SlurmGrantsPerNodeOrPerCpu) {
  in_child([] {
    setenv("SLURM_MEM_PER_NODE", "64", 1);
    setenv("SLURM_MEM_PER_CPU", "16", 1);
    setenv("SLURM_CPUS_ON_NODE", "2", 1);
    const bool per_node = memory_limits().slurm == 64 * kMiB && memory_limit_bytes() <= 64 * kMiB;
    unsetenv("SLURM_MEM_PER_NODE");
    const bool per_cpu = memory_limits().slurm == 32 * kMiB;
    setenv("SLURM_MEM_PER_NODE", "0", 1);  // all of the node
    unsetenv("SLURM_MEM_PER_CPU");
    return per_node && per_cpu && !memory_limits().slurm;
  });
}

TEST(Memory, LimitIsTheLeast) {
  const MemoryLimits limits = memory_limits();
  ASSERT_TRUE(limits.available.has_value());
  const std::size_t limit = memory_limit_bytes();
  EXPECT_GT(limit, 16 * kMiB);
  EXPECT_LE(limit, limits.cgroup.value_or(SIZE_MAX));
}

TEST(Memory, ResidentSetGrowsAndPeakStays) {
  const std::size_t before = rss_bytes();
  EXPECT_GT(before, kMiB);
  {
    std::vector<char> block(64 * kMiB, 1);
    EXPECT_GE(rss_bytes(), before + 60 * kMiB);
    EXPECT_EQ(block[block.size() / 2], 1);
  }
  EXPECT_GE(peak_rss_bytes(), before + 60 * kMiB);
}

TEST(Cores, AreThoseOfTheAffinityMask) {
  EXPECT_GE(cpu_cores_granted(), 1);
  in_child([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    return sched_setaffinity(0, sizeof(one), &one) == 0 && cpu_cores_granted() == 1;
  });
}

TEST(OwnProgram, IsTheExecutableUnlessAWrapperNamedItself) {
  unsetenv("TILEPOOL_PROGRAM");
  EXPECT_EQ(own_program(), fs::read_symlink("/proc/self/exe"));
  setenv("TILEPOOL_PROGRAM", "/opt/bundle/bin/tilepool", 1);
  EXPECT_EQ(own_program(), "/opt/bundle/bin/tilepool");
  setenv("TILEPOOL_PROGRAM", "bin/tilepool", 1);  // means another file after a change of folder
  EXPECT_EQ(own_program(), fs::read_symlink("/proc/self/exe"));
  unsetenv("TILEPOOL_PROGRAM");
}

TEST(Uuid, IsRandomVersionFour) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = make_uuid4();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(Time, IsIso8601InUtc) {
  in_child([] {
    setenv("TZ", "Asia/Kathmandu", 1);
    tzset();
    const std::string now = iso8601_now();
    std::tm utc{};
    std::istringstream stream(now);
    stream >> std::get_time(&utc, "%Y-%m-%dT%H:%M:%S");
    const bool well_formed =
        std::regex_match(now, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"));
    return well_formed && std::abs(std::difftime(timegm(&utc), std::time(nullptr))) <= 2;
  });
}

TEST(Log, WritesLevelsAndRanksToStderr) {
  testing::internal::CaptureStderr();
  configure_log({LogLevel::kInfo, -1});
  log_debug("hidden {}", 0);
  log_info("bare {}", 1);
  log_warning("careful {}", 2);
  log_error("broken {}", 3);
  configure_log({LogLevel::kWarning, 7});
  log_info("hidden");
  log_warning("100 % {{}}");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "bare 1\nwarning: careful 2\nerror: broken 3\n[rank 7] warning: 100 % {}\n");
  configure_log({});
}

TEST(Log, ColourFollowsTheTerminalAndNoColor) {
  EXPECT_FALSE(colour_wanted(-1));  // no terminal
  in_child([] {
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    const bool plain = colour_wanted(terminal);
    setenv("NO_COLOR", "1", 1);
    const bool refused = colour_wanted(terminal);
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    return plain && !refused && !colour_wanted(terminal);
  });
}

}  // namespace
}  // namespace tilepool
