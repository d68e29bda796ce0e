#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <thread>

#include <unistd.h>

#include "annotations_command.h"
#include "bench_command.h"
#include "classifier_command.h"
#include "cli/command_line.h"
#include "cli/doctor.h"
#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/model/options_json.h"
#include "common/mpi/runtime.h"
#include "common/run/exit_record.h"
#include "common/run/status_json.h"
#include "export_command.h"
#include "job.h"
#include "launch/launch.h"
#include "launch/mpirun.h"
#include "loss_trial.h"
#include "master/run_directory.h"
#include "report/report.h"
#include "report/status_view.h"
#include "serve_command.h"
#include "submit/submit.h"
#include "synth/synthesise.h"

namespace tilepool {
namespace {

/// What a lost worker costs under the launcher at hand.
Finding tier_finding() {
  using Health = Finding::Health;
  try {
    const MpiTier tier = find_mpirun().tier();
    return {tier == MpiTier::kPlain ? Health::kWarn : Health::kPass, Finding::Area::kMachine,
            "lost workers, with tilepool launch", describe(tier),
            tier == MpiTier::kPlain ? "Open MPI 4 or 5 lets a run survive them" : ""};
  } catch (const Error& error) {
    return {Health::kWarn, Finding::Area::kMachine, "lost workers, with tilepool launch",
            "no launcher", one_line(error.what())};
  }
}

int doctor(const CommandLine& command) {
  DoctorInput input;
  input.run_dir = command.run_dir;
  input.config = command.config;
  if (!command.config.empty()) {
    try {
      const Options options = load_config(command.config, command.sets).options;
      input.slides = cohort_of(command, options);
      input.stage = options.workers.stage.value_or("");
      input.reader = options.workers.reader;
    } catch (const Error& error) {
      input.config_problem = error.what();
    }
  }
  std::vector<Finding> findings = examine(input);
  findings.push_back(tier_finding());
  if (command.kill_a_worker) findings.push_back(try_a_loss(input.run_dir));
  fmt::print("{}", command.json ? findings_json(findings)
                                : findings_text(findings, colour_wanted(STDOUT_FILENO)));
  return doctor_exit_code(findings);
}

int status(const CommandLine& command) {
  const RunLayout layout(command.run_dir);
  for (;;) {
    const std::string text = render_status(layout, command.json);
    const bool over =
        !std::filesystem::exists(layout.status()) || read_status(layout.status()).exit_code >= 0;
    if (command.watch && ::isatty(STDOUT_FILENO) == 1) fmt::print("\x1b[H\x1b[2J");
    fmt::print("{}", text);
    std::fflush(stdout);
    if (!command.watch || over) break;
    std::this_thread::sleep_for(std::chrono::seconds(2));
  }
  return command.exit_code ? run_exit_code(layout) : 0;
}

int report(const CommandLine& command) {
  const RunLayout layout(command.run_dir);
  write_report(layout);
  fmt::print("{}\n", std::filesystem::absolute(layout.report()).string());
  return 0;
}

int synth(const CommandLine& command) {
  for (const auto& slide : synthesise_cohort(command.out, command.slides, command.size_px,
                                             checked_cast<std::uint32_t>(command.seed)))
    fmt::print("{}\n", slide.string());
  return 0;
}

// What a person got wrong is told here once, not by every rank.
int launch(const CommandLine& command) {
  const Options options = load_config(command.config, command.sets).options;
  (void)cohort_of(command, options);
  const RunLayout layout(std::filesystem::absolute(command.run_dir));
  create_run_directory(layout);
  return launch(LaunchRequest{command.ranks, command.hostfile, command.restarts, command.command,
                              layout.root(), options.run.silent_limit_s, command.quiet});
}

int submit(const CommandLine& command) {
  Submission submission{
      .wish = {command.nodes, command.gpus_per_node, command.ranks_per_node, command.cpus_per_task,
               command.memory, command.time, command.partition, command.account},
      .options = load_config(command.config, command.sets).options,
      .config = command.config,
      .sets = command.sets,
      .run_dir = command.run_dir,
      .dry_run = command.dry_run,
      .json = command.json};
  (void)cohort_of(command, submission.options);  // without a slide it is refused here already
  submit_job(submission);
  return 0;
}

int dispatch(const CommandLine& command, MpiRuntime* mpi) {
  switch (command.verb) {
    case Verb::kPrint:
      fmt::print("{}", command.text);
      return 0;
    case Verb::kRun:
      return run_job(command, mpi);
    case Verb::kStatus:
      return status(command);
    case Verb::kReport:
      return report(command);
    case Verb::kDoctor:
      return doctor(command);
    case Verb::kSynth:
      return synth(command);
    case Verb::kConfig:
      fmt::print("{}", command.table ? configuration_table() : reference_config());
      return 0;
    case Verb::kPlan:
      return plan_job(command);
    case Verb::kBench:
      return bench_job(command);
    case Verb::kSubmit:
      return submit(command);
    case Verb::kLaunch:
      return launch(command);
    case Verb::kExport:
      return export_command(command);
    case Verb::kAnnotations:
      return annotations_command(command);
    case Verb::kServe:
      return serve_command(command);
    case Verb::kTrain:
      return train_job(command);
    case Verb::kClassify:
      return classify_job(command);
  }
  fail(ErrorCode::kInternal, "an unknown command");
}

}  // namespace
}  // namespace tilepool

int main(int argc, char** argv) {
  using namespace tilepool;
  std::unique_ptr<MpiRuntime> mpi;
  int code = 0;
  // HDF5 locks what it opens, which some file systems refuse. Nothing here needs it: run.lock keeps
  // two masters apart, and files are written under names of their own and never changed.
  ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  try {
    const CommandLine command = parse_command_line(argc, argv);
    configure_log({command.quiet ? LogLevel::kWarning : LogLevel::kInfo, -1});
    if (command.verb == Verb::kRun && MpiRuntime::launched())
      mpi = std::make_unique<MpiRuntime>(&argc, &argv);
    code = dispatch(command, mpi.get());
  } catch (const Error& error) {
    if (mpi == nullptr || mpi->rank() == 0) log_error("{}", error.what());
    code = exit_code_of(error.code());
  } catch (const std::exception& error) {
    log_error("internal error: {}; please report it with the command that you ran", error.what());
    code = exit_code_of(ErrorCode::kInternal);
    if (mpi != nullptr) mpi->forget();
  }
  if (mpi == nullptr || mpi->rank() == 0) write_exit_record(code);
  if (mpi != nullptr && mpi->forgotten()) {
    std::fflush(nullptr);
    ::_exit(code);
  }
  return code;
}
