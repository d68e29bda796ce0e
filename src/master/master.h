#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/process.h"
#include "common/memory/budget.h"
#include "common/model/gpu_share.h"
#include "common/model/options.h"
#include "common/mpi/channel.h"
#include "common/run/layout.h"
#include "common/run/results.h"
#include "common/run/run_json.h"
#include "common/run/run_lock.h"
#include "common/run/status_json.h"
#include "master/crash_notes.h"
#include "master/event_log.h"
#include "master/plan_builder.h"
#include "master/progress.h"
#include "master/scheduler.h"

namespace tilepool {

struct MasterSetup {
  RunDescription run;
  RunLayout layout;
  TaskSchema schema;  ///< of the configured task
  std::vector<std::string> class_names;
  bool needs_calibration = false;  ///< whether the task fixes numbers per slide first
  std::string host;
  std::size_t limit_bytes = 0;  ///< of this rank's resident set
  bool fresh = false;           ///< remove an earlier run of the directory first
  bool retry_failed = false;    ///< compute the tiles again that failed in an earlier attempt
  bool quiet = false;
  bool works = false;  ///< this process is a worker too (one process for all)
  /// Time that the walltime leaves to this process from now on; nullopt: no limit.
  std::optional<double> time_left_s;
  /// Whether a signal asks for the end; asked while the master waits for something else.
  std::function<bool()> stop_asked = [] { return false; };
  /// Ends the process at once, while another thread is held up for ever; does not return.
  std::function<void(int exit_code)> leave;
  /// Writes results.h5 under its temporary name with all ranks that `request` does not call lost;
  /// COLLECTIVE with their workers' pack. Empty: the master packs alone.
  std::function<void(const PackJob& job, const Telemetry& telemetry, const Pack& request,
                     Budget& budget)>
      pack_together;
  /// Told as soon as the pipeline is known, before a tile is computed; throws what ends the run.
  std::function<void(const std::string& pipeline_id)> check_pipeline = [](const std::string&) {};
  /// Whether a complete results file holds the scores that the configuration asks for; else it is
  /// packed again.
  std::function<bool(const std::filesystem::path& results)> scored = [](const auto&) {
    return true;
  };
  /// Adds the scores to a packed file before it is put into its place; what it throws ends the run.
  std::function<void(const std::filesystem::path& packed)> score = [](const auto&) {};
};

/// Rank 0: takes a cohort through scanning, planning, calibrating, processing and packing, and
/// keeps the run directory's books. It never waits for one rank and computes no pixel itself.
class Master {
 public:
  /// Prepares the run directory: a fresh one, or one to resume or grow. Throws Error(kConfig) with
  /// the differing keys when the directory holds another job, Error(kIo) when it cannot be written.
  Master(Channel& channel, MasterSetup setup);
  ~Master();

  /// Handles what has arrived; waits at most `patience` for it. Returns the run's exit code at its
  /// end, after every worker was told to leave.
  [[nodiscard]] std::optional<int> step(std::chrono::microseconds patience);
  /// Stop on purpose: what is whole is committed, then the run ends with exit code 75.
  void request_stop(int signal);
  /// The run cannot go on: books are written with this reason, workers are told to leave.
  void abandon(const Error& error);
  /// Whether a worker was lost: then MPI must not be finalized.
  [[nodiscard]] bool lost_workers() const { return lost_workers_; }
  /// Whether it failed while ranks packed together: they are held up in collective calls.
  [[nodiscard]] bool packing() const { return packing_; }
  [[nodiscard]] const RunStatus& status() const { return status_; }

 private:
  enum class Phase { kHello, kScan, kScanStrips, kCalibrate, kProcess, kPack, kStopping, kDone };
  struct Peer {
    bool alive = true;
    double last_heard = 0;
    std::size_t row = 0;  ///< in status_.ranks
    ProcessName process;
    std::uint64_t heartbeats = 0, progress = 0;
    int empty_beats = 0;  ///< heartbeats in a row that told of no lease
  };
  void handle(const Envelope& message);
  void on_hello(int from, const Hello& hello);
  void on_committed(int from, const Committed& message);
  void on_finished(int from, const Finished& message);
  void on_heartbeat(int from, const Heartbeat& message);
  void begin();
  void start_phase(Phase phase, const std::vector<WorkInterval>& work, SchedulerOptions options);
  void drive();
  [[nodiscard]] WorkKind work_kind() const;  ///< of the present phase
  /// The generation that notes on the present phase's work carry: indices of slides have none.
  [[nodiscard]] std::uint32_t note_generation() const;
  void tell_again(int worker, Peer& peer, std::uint64_t leases_held);
  void look_for_dead();
  void lose(int worker, const std::string& what);
  void write_off(int worker, const std::string& reason);
  [[nodiscard]] std::vector<WorkInterval> without_hopeless(const std::vector<WorkInterval>& work);
  void give_up(std::uint64_t index, const std::string& reason);
  void begin_stopping(int exit_code, const std::string& message);
  void phase_done();
  void start_scan(const std::vector<WorkInterval>& slides);
  void start_strips();
  void start_joining_strips();
  void after_scan();
  void make_plan();
  void refuse_changed_slides();
  void start_calibrate();
  void start_process();
  void merge_calibrations();
  [[nodiscard]] std::vector<WorkInterval> uncommitted();
  void start_pack();
  [[nodiscard]] bool everyone_answers();
  void pack();
  void write_results(const std::filesystem::path& index);
  void pack_together(const PackJob& job, const Pack& order);
  [[nodiscard]] std::optional<Pack> packing_order(std::size_t block_bytes);
  void finish_books();
  void end(const std::string& state, int exit_code, const std::string& message);
  void refresh_status();
  [[nodiscard]] Telemetry telemetry() const;
  [[nodiscard]] double now_s() const;

  Channel& channel_;
  MasterSetup setup_;
  Options& options_;
  TaskSchema schema_;
  Budget budget_;
  std::unique_ptr<RunLock> lock_;  ///< held from before the first write to after the last
  std::unique_ptr<EventLog> events_;
  Progress progress_;
  RunStatus status_;
  RunIdentity identity_;
  std::uint32_t generation_ = 0;
  Phase phase_ = Phase::kHello;
  std::map<int, Peer> peers_;
  std::vector<GpuClaim> gpus_;  ///< as the ranks said hello
  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::uint64_t, std::uint64_t> lease_first_;  ///< of leases out: their first index
  std::uint64_t next_lease_ = 1;                        ///< of the next phase's scheduler
  struct CutSlide {
    std::uint64_t strips = 0;
    std::string fingerprint;
  };
  std::map<std::uint64_t, CutSlide> cut_slides_;  ///< that wait for their strips, by cohort index
  int strip_rounds_ = 0;
  std::vector<std::string> changed_;
  int write_failures_ = 0;
  int repacks_ = 0;
  bool lost_workers_ = false;
  bool packing_ = false;  ///< with others, in collective calls
  std::chrono::steady_clock::time_point begin_;
  double process_begin_s_ = 0, pack_begin_s_ = 0, stop_begin_s_ = 0;
  double next_status_s_ = 0, next_look_s_ = 0;
  std::optional<double> deadline_s_;  ///< on now_s()'s clock
  std::string refusal_;               ///< why the run may not start: a rank's budget
  std::string stop_message_;
  int stop_code_ = 0;
  std::optional<int> exit_code_;
};

}  // namespace tilepool
