#include "submit/submit.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/subprocess.h"
#include "common/base/system.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace tilepool {
namespace {

constexpr int kNoSuchProgram = 127;

std::vector<NodeGroup> ask_cluster(const Submission& submission) {
  const SubprocessResult sinfo = run_subprocess(sinfo_command(), "");
  if (sinfo.exit_code == 0) return parse_sinfo(sinfo.output);
  const bool missing = sinfo.exit_code == kNoSuchProgram;
  const std::string why =
      missing ? "there is no sinfo in $PATH" : "sinfo failed: " + one_line(sinfo.errors);
  if (submission.dry_run) {
    std::vector<NodeGroup> assumed = assumed_cluster(submission.wish);
    log_warning("{}; assumed are nodes of {} cores, {} and {} GPUs", why, assumed[0].cores,
                format_bytes(assumed[0].memory_bytes), assumed[0].gpus);
    return assumed;
  }
  fail(missing ? ErrorCode::kUsage : ErrorCode::kIo,
       "{}; submit from a login node of a Slurm cluster, or add --dry-run to see the script", why);
}

std::vector<std::string> run_arguments(const Submission& submission) {
  std::vector<std::string> arguments = {std::filesystem::absolute(submission.config).string(),
                                        "--run-dir",
                                        std::filesystem::absolute(submission.run_dir).string()};
  for (const std::string& set : submission.sets) {
    arguments.emplace_back("--set");
    arguments.push_back(set);
  }
  return arguments;
}

/// sbatch's answer is the id, and on a federation ";cluster" behind it.
std::string submit_script(const std::string& script) {
  const SubprocessResult sbatch = run_subprocess({"sbatch", "--parsable"}, script);
  check(sbatch.exit_code != kNoSuchProgram, ErrorCode::kUsage, "there is no sbatch in $PATH");
  check(sbatch.exit_code == 0, ErrorCode::kUsage, "Slurm refused the job: {}",
        trimmed(sbatch.errors));
  const std::string id(trimmed(sbatch.output));
  check(!id.empty(), ErrorCode::kIo, "sbatch gave no job id");
  return id.substr(0, id.find(';'));
}

}  // namespace

void submit_job(const Submission& submission) {
  JobRequest job = fit_job(submission.wish, submission.options, ask_cluster(submission));
  job.program = own_program().string();
  job.arguments = run_arguments(submission);
  const std::string script = render_script(job);
  if (submission.dry_run) {
    fmt::print("{}", submission.json ? nlohmann::json{{"script", script}}.dump(2) + "\n" : script);
    return;
  }
  const std::string id = submit_script(script);
  const std::string run_dir = std::filesystem::absolute(submission.run_dir).string();
  if (submission.json) {
    fmt::print("{}\n", nlohmann::json{{"job_id", id}, {"run_dir", run_dir}}.dump(2));
    return;
  }
  fmt::print("submitted job {}; watch it with\n  squeue -j {}\n  tilepool status {} --watch\n", id,
             id, run_dir);
}

}  // namespace tilepool
