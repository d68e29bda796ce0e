#include "job.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include <unistd.h>

#include "common/base/checked.h"
#include "common/base/crash_note.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/base/units.h"
#include "common/model/options_json.h"
#include "common/mpi/loopback.h"
#include "common/mpi/mpi_channel.h"
#include "common/run/exit_record.h"
#include "common/run/pack_guard.h"
#include "common/run/results.h"
#include "common/run/stage_folder.h"
#include "master/cohort.h"
#include "master/job_preview.h"
#include "master/master.h"
#include "provenance.h"
#include "report/report.h"
#include "run_classifiers.h"
#include "stain_reference.h"
#include "submit/time_limit.h"
#include "worker/device_choice.h"
#include "worker/worker.h"

namespace tilepool {
namespace {

using Microseconds = std::chrono::microseconds;
constexpr Microseconds kPatience{2000};

volatile std::sig_atomic_t stop_signal = 0;

// Slurm and mpirun may send TERM several times; a second Ctrl-C is a person who means it.
void on_signal(int signal) {
  if (signal == SIGINT && stop_signal == SIGINT) ::_exit(75);
  stop_signal = signal;
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = [](int) { ::_exit(75); };  // what `launch` sends for a second Ctrl-C
  ::sigaction(SIGUSR2, &action, nullptr);
}

/// What every rank of the job knows before it speaks to another.
struct Job {
  Options options;
  RunLayout layout;
  std::size_t limit_bytes = 0;  ///< of this rank's resident set
  int threads = 1;              ///< that this rank may keep busy
  DeviceChoice device;
  std::string host;
};

Job describe_job(const CommandLine& command, const MpiRuntime* mpi) {
  Options options = load_config(command.config, command.sets).options;
  DeviceChoice device = choose_device(options, mpi == nullptr ? 0 : mpi->node_worker_index(),
                                      mpi == nullptr ? 1 : mpi->node_workers());
  if (!command.quiet && (mpi == nullptr || mpi->rank() == 0)) log_info("{}", device.why);
  Job job{std::move(options),
          RunLayout(std::filesystem::absolute(command.run_dir)),
          0,
          1,
          std::move(device),
          host_name()};
  job.limit_bytes = host_limit_bytes(job.options, mpi == nullptr ? 1 : mpi->node_size());
  const int sharers = mpi == nullptr ? 1 : mpi->workers_on_my_cores();
  job.threads = std::max(1, cpu_cores_granted() / std::max(1, sharers));
  return job;
}

// Of the node that begins the run; another one that lacks the folder reads slides where they lie.
void check_stage(const Options& options) {
  if (!options.workers.stage) return;
  const std::string problem = why_no_stage(*options.workers.stage);
  check(problem.empty(), ErrorCode::kConfig,
        "/workers/stage on {}: {}; make it on every node, name another folder, or write null",
        host_name(), problem);
}

std::vector<std::string> class_names(const Options& options) {
  std::vector<std::string> names;
  if (options.task == TaskKind::kSegment)
    for (const CellClass& cell_class : options.segment.classes) names.push_back(cell_class.name);
  return names;
}

/// COLLECTIVE over the ranks that `request` does not call lost.
void pack_with(const MpiRuntime& mpi, const PackJob& job, const Telemetry& telemetry,
               const Pack& request, Budget& budget) {
  const auto* const lost_end = request.lost.begin() + static_cast<std::ptrdiff_t>(request.n_lost);
  std::vector<int> members;
  for (int rank = 0; rank < mpi.size(); ++rank)
    if (std::find(request.lost.begin(), lost_end, rank) == lost_end) members.push_back(rank);
  auto ranks = request.shrink != 0 ? MpiGroupCommunicator::of_the_living(mpi.world())
                                   : MpiGroupCommunicator(mpi.world(), members);
  pack_results(job, pack_index_path(job.layout), telemetry, ranks.get(), budget);
  ranks.barrier();
  ranks.close();
}

/// Leaves without MPI_Finalize, which would wait for the dead, and without destructors that do.
[[noreturn]] void leave(bool master, int exit_code) {
  if (master) write_exit_record(exit_code);
  std::fflush(nullptr);
  ::_exit(exit_code);
}

MasterSetup master_setup(const CommandLine& command, const Job& job, const MpiRuntime* mpi) {
  MasterSetup setup{.run = {}, .layout = job.layout};
  setup.run.options = job.options;
  resolve_stain_target(setup.run.options, std::filesystem::absolute(command.config).parent_path(),
                       job.limit_bytes);
  setup.run.cohort = cohort_of(command, job.options);
  setup.run.provenance = provenance(command);
  setup.schema = task_schema(job.options);
  setup.class_names = class_names(job.options);
  setup.needs_calibration = task_needs_calibration(job.options);
  setup.host = job.host;
  setup.limit_bytes = job.limit_bytes;
  setup.fresh = command.fresh;
  setup.retry_failed = command.retry_failed;
  setup.quiet = command.quiet;
  setup.works = mpi == nullptr || mpi->size() == 1;
  setup.time_left_s = time_left_s(job.options.run.max_runtime_s);
  setup.stop_asked = [] { return stop_signal != 0; };
  setup.leave = [](int code) { leave(true, code); };
  const auto classifiers = std::make_shared<const RunClassifiers>(
      job.options, std::filesystem::absolute(command.config).parent_path(), setup.schema);
  setup.check_pipeline = [classifiers](const std::string& id) { classifiers->check_pipeline(id); };
  setup.scored = [classifiers](const auto& results) { return classifiers->scored(results); };
  setup.score = [classifiers](const auto& results) { classifiers->score(results); };
  if (!setup.works)
    setup.pack_together = [mpi](const PackJob& pack, const Telemetry& telemetry,
                                const Pack& request, Budget& budget) {
      pack_with(*mpi, pack, telemetry, request, budget);
    };
  return setup;
}

/// A worker's part of the pack.
void join_pack(const MpiRuntime& mpi, const Job& job, const Pack& request, Budget& budget) {
  const auto give_up = [&](int code, const std::string& why) {
    log_error("rank {} on {}: {}", mpi.rank(), job.host, why);
    leave(false, code);
  };
  const PackGuard guard(
      job.layout.packing_mark(), job.options.run.silent_limit_s, [] { return stop_signal != 0; },
      give_up);
  try {
    pack_with(mpi,
              {job.layout, task_schema(job.options), class_names(job.options), job.options.output,
               job.options.patches, job.options.tiles.size_px, request.block_bytes},
              {}, request, budget);
  } catch (const Error& error) {
    guard.tell(fmt::format("rank {} on {}", mpi.rank(), job.host), error);
    give_up(exit_code_of(error.code()), error.what());
  }
}

WorkerSetup worker_setup(const Job& job, const MpiRuntime* mpi) {
  WorkerSetup setup{.options = job.options, .layout = job.layout};
  setup.device = grant_device(job.device, job.options, job.threads);
  setup.gpus_visible = job.device.visible;
  setup.gpus_granted = gpus_granted();
  setup.demand =
      Worker::memory_demand(job.options, setup.device, job.limit_bytes, rss_bytes(), job.threads);
  setup.host = job.host;
  setup.pack = [mpi, &job](const Pack& request, Budget& budget) {
    if (mpi == nullptr || mpi->size() == 1) return;  // the master of this process packs
    join_pack(*mpi, job, request, budget);
  };
  return setup;
}

int run_alone(const CommandLine& command, const Job& job, const MpiRuntime* mpi) {
  write_crash_note_to(
      job.layout.crashes_dir() / fmt::format("{}-{}-{}", job.host, ::getpid(), make_uuid4()), 0);
  Loopback loopback(2);
  Master master(loopback.endpoint(0), master_setup(command, job, mpi));
  Worker worker(loopback.endpoint(1), worker_setup(job, mpi));
  std::optional<int> code;
  while (!code) {
    if (stop_signal != 0) master.request_stop(stop_signal);
    try {
      code = master.step(Microseconds(0));
      if (!code) (void)worker.step(kPatience);
    } catch (const Error& error) {
      master.abandon(error);
      return exit_code_of(error.code());
    }
  }
  return *code;
}

// Gives MPI a moment to take the last messages; one to a rank whose death is not known yet never
// is.
void flush(MpiChannel& channel) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!channel.all_sent() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(Microseconds(500));
}

int run_master(const CommandLine& command, const Job& job, MpiRuntime& mpi) {
  MpiChannel channel(mpi.messages());
  std::unique_ptr<Master> master;
  std::optional<int> code;
  try {
    master = std::make_unique<Master>(channel, master_setup(command, job, &mpi));
    while (!code) {
      if (stop_signal != 0) master->request_stop(stop_signal);
      code = master->step(kPatience);
    }
  } catch (const Error& error) {
    code = exit_code_of(error.code());
    if (master != nullptr) {
      master->abandon(error);
    } else {
      log_error("{}", error.what());
      for (int rank = 1; rank < mpi.size(); ++rank) channel.send(rank, Exit{*code});
    }
  }
  if (master != nullptr && (master->lost_workers() || master->packing())) mpi.forget();
  flush(channel);
  return *code;
}

// A worker that cannot go on leaves; the master and the launcher see that it is gone.
int run_worker(const Job& job, MpiRuntime& mpi) try {
  MpiChannel channel(mpi.messages());
  Worker worker(channel, worker_setup(job, &mpi));
  write_crash_note_to(
      job.layout.crashes_dir() / fmt::format("{}-{}-{}", job.host, ::getpid(), make_uuid4()),
      mpi.rank());
  std::optional<int> code;
  bool told = false;
  while (!code) {
    if (stop_signal != 0 && !told) {
      channel.send(0, Stop{static_cast<std::uint64_t>(stop_signal)});
      told = true;
    }
    code = worker.step(kPatience);
  }
  if (worker.others_lost()) mpi.forget();
  flush(channel);
  return 0;  // the master's code is the run's
} catch (const Error& error) {
  log_error("rank {} on {}: {}", mpi.rank(), job.host, error.what());
  leave(false, exit_code_of(error.code()));
}

// The configuration is read by every rank, since every node must be able to; one that cannot ends
// the job before any rank waits for another.
std::optional<Job> describe_together(const CommandLine& command, const MpiRuntime& mpi, int& code) {
  std::optional<Job> job;
  std::string problem;
  int mine = 0;
  try {
    job = describe_job(command, &mpi);
    if (mpi.rank() == 0) check_stage(job->options);
  } catch (const Error& error) {
    mine = exit_code_of(error.code());
    problem = error.what();
  }
  code = mpi.largest(mine);
  const bool everyone = mpi.largest(mine == 0 ? 1 : 0) == 0;
  if (mine != 0 && (mpi.rank() == 0 || !everyone))
    log_error("{}{}", everyone ? "" : fmt::format("rank {} on {}: ", mpi.rank(), host_name()),
              problem);
  if (code != 0) job.reset();
  return job;
}

// The report is for a person: that it could not be written is told and changes nothing else.
void report_run(const RunLayout& layout) {
  if (!std::filesystem::exists(layout.run_json())) return;
  try {
    write_report(layout);
  } catch (const Error& error) {
    log_warning("no report: {}", error.what());
  }
}

}  // namespace

// `auto` shares out what the node grants over the ranks on it, less ten percent for what no rank
// accounts for.
std::size_t host_limit_bytes(const Options& options, int ranks_on_node) {
  if (options.memory.host_per_rank) return *options.memory.host_per_rank;
  return memory_limit_bytes() / 10 * 9 / static_cast<std::size_t>(ranks_on_node);
}

std::vector<SlideSpec> cohort_of(const CommandLine& command, const Options& options) {
  std::vector<std::string> warnings;
  auto cohort =
      expand_cohort(options, std::filesystem::absolute(command.config).parent_path(), warnings);
  for (const std::string& warning : warnings) log_warning("{}", warning);
  return cohort;
}

int plan_job(const CommandLine& command) {
  const Job job = describe_job(command, nullptr);
  const DeviceGrant device = grant_device(job.device, job.options, job.threads);
  const MemoryDemand demand =
      Worker::memory_demand(job.options, device, job.limit_bytes, rss_bytes(), job.threads);
  const PreviewMachine machine{1, job.threads, job.limit_bytes, smallest_limit_bytes(demand)};
  const JobPreview preview = preview_job(job.options, cohort_of(command, job.options), machine);
  fmt::print("{}", render_preview(preview, command.json));
  if (!preview.memory_fits()) return exit_code_of(ErrorCode::kBudget);
  return preview.failing() == preview.slides.size() ? exit_code_of(ErrorCode::kNoInput) : 0;
}

int run_job(const CommandLine& command, MpiRuntime* mpi) {
  arm_faults(mpi == nullptr ? 0 : mpi->rank());
  if (mpi == nullptr || mpi->size() == 1) {
    const Job job = describe_job(command, mpi);
    check_stage(job.options);
    catch_signals();
    const int code = run_alone(command, job, mpi);
    report_run(job.layout);
    return code;
  }
  int code = 0;
  const std::optional<Job> job = describe_together(command, *mpi, code);
  if (!job) return code;
  catch_signals();
  if (mpi->rank() != 0) return run_worker(*job, *mpi);
  code = run_master(command, *job, *mpi);
  report_run(job->layout);
  return code;
}

}  // namespace tilepool
