#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <thread>

#include <unistd.h>

#include "cli/command_line.h"
#include "cli/doctor.h"
#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/model/options_json.h"
#include "common/mpi/runtime.h"
#include "common/run/status_json.h"
#include "job.h"
#include "report/report.h"
#include "report/status_view.h"
#include "synth/synthesise.h"

namespace tilepool {
namespace {

int doctor(const CommandLine& command) {
  DoctorInput input;
  input.run_dir = command.run_dir;
  input.config = command.config;
  if (!command.config.empty()) {
    try {
      input.slides = cohort_of(command, load_config(command.config, command.sets).options);
    } catch (const Error& error) {
      input.config_problem = error.what();
    }
  }
  const std::vector<Finding> findings = examine(input);
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
    case Verb::kLaunch:
    case Verb::kExport:
    case Verb::kTrain:
    case Verb::kSubmit:
      fail(ErrorCode::kNotBuilt, "this command is not built in this version of tilepool");
  }
  fail(ErrorCode::kInternal, "an unknown command");
}

}  // namespace
}  // namespace tilepool

int main(int argc, char** argv) {
  using namespace tilepool;
  std::unique_ptr<MpiRuntime> mpi;
  try {
    const CommandLine command = parse_command_line(argc, argv);
    configure_log({command.quiet ? LogLevel::kWarning : LogLevel::kInfo, -1});
    if (command.verb == Verb::kRun && MpiRuntime::launched())
      mpi = std::make_unique<MpiRuntime>(&argc, &argv);
    return dispatch(command, mpi.get());
  } catch (const Error& error) {
    if (mpi == nullptr || mpi->rank() == 0) log_error("{}", error.what());
    return exit_code_of(error.code());
  } catch (const std::exception& error) {
    log_error("internal error: {}; please report it with the command that you ran", error.what());
    if (mpi != nullptr) mpi->abort(70);
    return 70;
  }
}
