#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/units.h"
#include "submit/cluster.h"
#include "submit/job_request.h"
#include "submit/script.h"

namespace tilepool {
namespace {

constexpr std::string_view kSinfo =
    "cpu*|up|2|64|256000|(null)|1-00:00:00|idle\n"
    "cpu*|up|1|64|256000|(null)|1-00:00:00|drained\n"
    "cpu*|up|3|64|256000|(null)|1-00:00:00|mixed*\n"
    "gpu|up|4|48|512000|gpu:a100:4(S:0-1),nvme:1|infinite|mixed\n"
    "gpu|up|1|96|512000|gpu:a100:2,gpu:h100:6|infinite|idle\n"
    "old|down|9|64|256000|gpu:8|infinite|idle\n";

template <class Call>
std::string refusal(ErrorCode code, Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "not refused";
}

TEST(Sinfo, NodesThatTakeJobs) {
  const auto groups = parse_sinfo(kSinfo);
  ASSERT_EQ(groups.size(), 3u);  // not the drained, the silent, and the partition that is down
  EXPECT_EQ(groups[0].partition, "cpu");
  EXPECT_TRUE(groups[0].is_default);
  EXPECT_EQ(groups[0].nodes, 2);
  EXPECT_EQ(groups[0].memory_bytes, 256000 * kMiB);
  EXPECT_EQ(groups[0].time_limit_s, 86400);
  EXPECT_FALSE(groups[1].is_default);
  EXPECT_EQ(groups[1].gpus, 4);
  EXPECT_EQ(groups[1].time_limit_s, std::nullopt);
  EXPECT_EQ(groups[2].gpus, 8);
}

TEST(Sinfo, ALineThatCannotBeReadIsTold) {
  for (const char* line :
       {"cpu|up|2", "cpu|up|2|x|256000|(null)|1:00:00|idle",
        "cpu|up|2|64|256000|gpu:many|1:00:00|idle", "cpu|up|2|64|1|(null)|?|idle"})
    EXPECT_NE(refusal(ErrorCode::kIo, [&] { (void)parse_sinfo(line); }).find(line),
              std::string::npos);
}

TEST(SlurmUnits, Times) {
  EXPECT_EQ(parse_slurm_time("90"), 5400);
  EXPECT_EQ(parse_slurm_time("1:30"), 90);
  EXPECT_EQ(parse_slurm_time("8:00:00"), 28800);
  EXPECT_EQ(parse_slurm_time("2-12"), 216000);
  EXPECT_EQ(parse_slurm_time("2-12:30"), 217800);
  EXPECT_EQ(parse_slurm_time("2-12:30:15"), 217815);
  for (const char* text : {"", "-1", "1-", "8h", "1:2:3:4", "1-2:3:4:5", "infinite", "1: 2"})
    EXPECT_EQ(parse_slurm_time(text), std::nullopt) << text;
  EXPECT_EQ(format_slurm_time(28800), "08:00:00");
  EXPECT_EQ(format_slurm_time(217815), "2-12:30:15");
}

TEST(SlurmUnits, Memory) {
  EXPECT_EQ(parse_slurm_memory("2000"), 2000 * kMiB);
  EXPECT_EQ(parse_slurm_memory("32G"), 32 * kGiB);
  EXPECT_EQ(parse_slurm_memory("1t"), 1024 * kGiB);
  for (const char* text : {"", "32GiB", "G", "-3G", "lots"})
    EXPECT_EQ(parse_slurm_memory(text), std::nullopt) << text;
  EXPECT_EQ(format_slurm_memory(32 * kGiB), "32G");
  EXPECT_EQ(format_slurm_memory(1500 * kMiB), "1500M");
  EXPECT_EQ(format_slurm_memory(20 * kGiB + 1), "20G");  // never more than asked for
}

TEST(FitJob, TakesThePartitionThatHasTheGpus) {
  const JobRequest job = fit_job({.nodes = 4, .gpus_per_node = 4}, {}, parse_sinfo(kSinfo));
  EXPECT_EQ(job.partition, "gpu");
  EXPECT_EQ(job.tasks_per_node, 5);
  EXPECT_EQ(job.time_s, 8 * 3600);
  // The 48-core nodes are among the four: half of a node's GPUs at worst, so half of its cores.
  EXPECT_EQ(job.cpus_per_task, 4);
}

TEST(FitJob, AWholeNodeOfTheDefaultPartition) {
  const JobRequest job = fit_job({.nodes = 2}, {}, parse_sinfo(kSinfo));
  EXPECT_EQ(job.partition, "");
  EXPECT_EQ(job.tasks_per_node * job.cpus_per_task, 64);
  EXPECT_EQ(job.memory_per_node_bytes, 256000 * kMiB);
}

TEST(FitJob, MemoryPerRankLimitsTheRanks) {
  Options options;
  options.workers.readers = 2;
  options.memory.host_per_rank = 16 * kGiB;
  const JobRequest job = fit_job({.nodes = 1}, options, parse_sinfo(kSinfo));
  EXPECT_EQ(job.cpus_per_task, 2);
  EXPECT_EQ(job.tasks_per_node, 14);  // 14 * 17.6 GiB <= 250 GiB < 15 * 17.6 GiB
  EXPECT_GE(job.memory_per_node_bytes, 14 * 17 * kGiB);
}

TEST(FitJob, WhatIsNotThereIsRefusedWithWhatIs) {
  const auto cluster = parse_sinfo(kSinfo);
  const auto wish_refused = [&](const JobWish& wish) {
    return refusal(ErrorCode::kUsage, [&] { (void)fit_job(wish, {}, cluster); });
  };
  EXPECT_NE(wish_refused({.nodes = 6, .gpus_per_node = 4}).find("gpu: 4 nodes of 48 cores"),
            std::string::npos);
  EXPECT_NE(
      wish_refused({.nodes = 1, .partition = "old"}).find("partition old does not have 1 nodes"),
      std::string::npos);
  EXPECT_NE(wish_refused({.nodes = 1, .time = "2-0"}).find("1-00:00:00"), std::string::npos);
  EXPECT_NE(wish_refused({.nodes = 1, .time = "0"}).find("--time"), std::string::npos);
  EXPECT_NE(wish_refused({.nodes = 1, .memory = "9GiB"}).find("--mem"), std::string::npos);
  EXPECT_NE(
      wish_refused({.nodes = 1, .gpus_per_node = 2, .ranks_per_node = 2}).find("leave it out"),
      std::string::npos);
}

TEST(Script, ShortJobsAreWarnedLater) {
  EXPECT_EQ(warning_s(8 * 3600), 300);
  EXPECT_EQ(warning_s(1200), 120);
  EXPECT_EQ(warning_s(60), 30);
}

TEST(Script, OptionsWithoutALineInTheTemplateAreAdded) {
  JobRequest request{.memory_per_node_bytes = kGiB, .time_s = 3600};
  request.partition = "night";
  request.account = "lab";
  const std::string script = render_script(request);
  EXPECT_NE(script.find("\n#SBATCH --partition=night\n"), std::string::npos);
  EXPECT_NE(script.find("\n#SBATCH --account=lab\n"), std::string::npos);
  EXPECT_LT(script.find("--account"), script.find("set -euo pipefail"));
}

}  // namespace
}  // namespace tilepool
