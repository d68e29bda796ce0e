#include "launch/launch.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/run/exit_record.h"
#include "common/run/run_lock.h"
#include "common/run/status_json.h"
#include "launch/child.h"
#include "launch/mpirun.h"
#include "launch/restart.h"

namespace tilepool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kRecordPrefix[] = ".exit-";
constexpr double kStartLimit_s = 600;  // from mpirun's start to the master's lock
constexpr double kEndLimit_s = 10;     // from the run's end to mpirun's
constexpr double kEndAfterLoss_s = 2;  // the same when a rank may be stopped or out of reach
constexpr double kStopLimit_s = 70;    // from a signal to the run's end

volatile std::sig_atomic_t signals = 0;
volatile std::sig_atomic_t interrupts = 0;

void on_signal(int number) {
  signals = signals + 1;
  if (number == SIGINT) interrupts = interrupts + 1;
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) ::sigaction(number, &action, nullptr);
}

bool in_a_batch_job() {
  const auto set = [](const char* name) { return std::getenv(name) != nullptr; };
  return set("SLURM_JOB_ID") || set("PBS_JOBID") || set("LSB_JOBID");
}

struct Outcome {
  int code = 75;
  bool lost = false;  ///< ended by a loss: another attempt may do better
  std::string why;
};

/// One mpirun from its start to its end.
class Attempt {
 public:
  Attempt(const LaunchRequest& request, const Mpirun& mpirun, const RankPlacement& placement)
      : request_(request),
        layout_(request.run_dir),
        id_(make_uuid4()),
        record_(layout_.root() / (kRecordPrefix + id_)),
        lock_(layout_) {
    create_exit_record(record_);
    std::vector<std::string> command{own_program().string()};
    command.insert(command.end(), request.command.begin(), request.command.end());
    child_.emplace(mpirun_command(mpirun, placement, in_a_batch_job(),
                                  {kExitRecordVariable, kMarkVariable}, command),
                   std::vector<std::string>{
                       fmt::format("{}={}", kExitRecordVariable, record_.string()), mark()});
  }
  ~Attempt() {
    kill_marked(mark());
    std::error_code error;
    std::filesystem::remove(record_, error);
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  Outcome wait() {
    for (;;) {
      if (const auto outcome = look()) return *outcome;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

 private:
  static constexpr const char* kMarkVariable = "TILEPOOL_LAUNCH";

  [[nodiscard]] std::string mark() const { return fmt::format("{}={}", kMarkVariable, id_); }
  [[nodiscard]] double now_s() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }

  std::optional<Outcome> look() {
    pass_signals_on();
    if (!code_) code_ = read_exit_record(record_);
    const std::optional<int> mpirun_code = child_->ended();
    if (!code_ && mpirun_code) code_ = read_exit_record(record_);  // written just before
    if (code_) {
      if (!code_since_s_) code_since_s_ = now_s();
      const bool ranks_lost = lost_ranks();
      const double patience_s = ranks_lost ? kEndAfterLoss_s : kEndLimit_s;
      if (!mpirun_code && now_s() - *code_since_s_ < patience_s) return std::nullopt;
      if (!mpirun_code) end_mpirun();
      const bool retry = *code_ == 75 && !stopped_s_ && ranks_lost;
      return Outcome{*code_, retry, retry ? "ranks were lost" : ""};
    }
    if (mpirun_code) return without_record(*mpirun_code);
    if (const std::string loss = loss_of_master(); !loss.empty()) {
      end_mpirun();
      return Outcome{75, true, loss};
    }
    if (stopped_s_ && now_s() - *stopped_s_ > kStopLimit_s) {
      end_mpirun();
      return Outcome{75, false, "the ranks did not stop in time and were ended"};
    }
    return std::nullopt;
  }

  void pass_signals_on() {
    if (signals > 0 && !stopped_s_) {
      stopped_s_ = now_s();
      child_->signal(SIGUSR1);
    }
    if (interrupts > 1 && !std::exchange(ended_at_once_, true)) child_->signal(SIGUSR2);
  }

  Outcome without_record(int mpirun_code) {
    // Open MPI 5 may end the master between its last word to status.json and the record.
    if (const auto status = status_of_this_run(); status && status->exit_code >= 0) {
      const bool retry = status->exit_code == 75 && !stopped_s_ && lost_ranks();
      return {status->exit_code, retry, retry ? "ranks were lost" : ""};
    }
    if (began_) return {75, true, "the master was lost"};
    if (stopped_s_) return {75, false, "stopped before the run began"};
    // Its own words are on stderr already.
    const bool ours = mpirun_code == 64 || mpirun_code == 66 || mpirun_code == 78;
    return {ours ? mpirun_code : 70, false,
            fmt::format("mpirun ended with code {} before the run began", mpirun_code)};
  }

  /// Empty while the master may be well.
  std::string loss_of_master() {
    const std::optional<double> silent_s = lock_.silent_s(now_s());
    const auto holder = silent_s ? read_lock(layout_.lock()) : std::nullopt;
    if (holder && holder->since >= started_) began_ = true;
    if (!began_)
      return now_s() < kStartLimit_s
                 ? ""
                 : fmt::format("the run did not begin within {:.0f} s", kStartLimit_s);
    if (holder && life_of(holder->process) == Life::kDead) {
      if (!dead_since_s_) dead_since_s_ = now_s();
      return now_s() - *dead_since_s_ < 1 ? "" : "the master died";
    }
    if (silent_s && *silent_s > request_.silent_limit_s + 5)
      return fmt::format("the master gave no sign of life for {:.0f} s", *silent_s);
    return {};
  }

  /// status.json, if it is of this attempt.
  [[nodiscard]] std::optional<RunStatus> status_of_this_run() const {
    try {
      RunStatus status = read_status(layout_.status());
      if (status.started >= started_) return status;
    } catch (const Error&) {  // none yet
    }
    return std::nullopt;
  }

  [[nodiscard]] bool lost_ranks() const {
    if (std::filesystem::exists(layout_.packing_mark())) return true;
    const auto status = status_of_this_run();
    return status && std::any_of(status->ranks.begin(), status->ranks.end(),
                                 [](const RankStatus& rank) { return !rank.alive; });
  }

  // Ranks that can, leave by themselves; mpirun then ends those on other hosts; what is still there
  // on this host is killed by the destructors.
  void end_mpirun() {
    child_->signal(SIGUSR2);
    wait_for_child(2);
    child_->signal(SIGTERM);
    wait_for_child(1);
    kill_marked(mark());
    wait_for_child(5);
  }

  void wait_for_child(double limit_s) {
    const double begin_s = now_s();
    while (!child_->ended() && now_s() - begin_s < limit_s)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  const LaunchRequest& request_;
  const RunLayout layout_;
  const std::string id_;
  const std::filesystem::path record_;
  const Clock::time_point begin_ = Clock::now();
  const std::string started_ = iso8601_now();
  LockWatch lock_;
  std::optional<Child> child_;
  std::optional<int> code_;
  std::optional<double> code_since_s_, stopped_s_, dead_since_s_;
  bool began_ = false, ended_at_once_ = false;
};

/// Removes the records of launches that died with their host: the run is over.
void remove_forgotten_records(const RunLayout& layout) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(layout.root(), error))
    if (entry.path().filename().string().starts_with(kRecordPrefix))
      std::filesystem::remove(entry.path(), error);
}

}  // namespace

int launch(const LaunchRequest& request) {
  const Mpirun mpirun = find_mpirun();
  if (!request.quiet)
    log_info("mpirun of {}: {}",
             mpirun.major > 0 ? "Open MPI " + mpirun.version() : "another MPI than Open MPI",
             describe(mpirun.tier()));
  catch_signals();
  const RunLayout layout(request.run_dir);
  RankPlacement placement{request.ranks, request.hostfile, {}};
  for (int attempt = 0;; ++attempt) {
    const Outcome outcome = Attempt(request, mpirun, placement).wait();
    const bool again = outcome.lost && attempt < request.restarts && signals == 0;
    if (!outcome.why.empty())
      log_warning("{}{}", outcome.why,
                  again ? fmt::format("; starting again ({} of {})", attempt + 1, request.restarts)
                  : outcome.code == 75 ? "; run the same command again to resume"
                                       : "");
    if (outcome.code == 0 || outcome.code == 3) remove_forgotten_records(layout);
    if (!again) return outcome.code;
    placement = placement_left(layout, mpirun, placement);
    if (!placement.hosts.empty())
      log_warning("without the hosts that were lost: {} ranks on {}", placement.ranks,
                  fmt::join(placement.hosts, ", "));
  }
}

}  // namespace tilepool
