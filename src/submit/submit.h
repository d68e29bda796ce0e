#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/model/options.h"
#include "submit/job_request.h"

namespace tilepool {

struct Submission {
  JobWish wish;
  Options options;
  std::filesystem::path config;   ///< as the person named it
  std::vector<std::string> sets;  ///< handed on to `tilepool run`
  std::filesystem::path run_dir;
  bool dry_run = false;  ///< print the script, submit nothing
  bool json = false;
};

/// Renders the job's script and submits it with sbatch; prints the job's id and how to watch it, or
/// for a dry run the script. A dry run without a cluster to ask assumes one and says so on stderr.
/// Throws Error(kUsage) without Slurm or when the cluster or sbatch refuses, Error(kConfig) as
/// fit_job(), Error(kIo) when Slurm does not answer.
void submit_job(const Submission& submission);

}  // namespace tilepool
