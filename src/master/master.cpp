#include "master/master.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/base/units.h"
#include "common/memory/budget.h"
#include "master/retry_failed.h"
#include "master/run_directory.h"

namespace tilepool {

namespace {
constexpr double kHelloLimit_s = 60;
constexpr double kStopLimit_s = 50;
constexpr double kStatusInterval_s = 2;
// Longer than a crash takes to be seen: a tile that crashes one worker is not handed to the others.
constexpr double kRepeatAfter_s = 4;

LockTimes lock_times(const RunOptions& run) {
  return {std::min(5.0, run.silent_limit_s / 6), run.silent_limit_s};
}
}  // namespace

Master::Master(Channel& channel, MasterSetup setup)
    : channel_(channel),
      setup_(std::move(setup)),
      options_(setup_.run.options),
      schema_(setup_.schema),
      budget_(std::max(setup_.limit_bytes / 4, 64 * kMiB)),
      progress_(setup_.quiet),
      begin_(std::chrono::steady_clock::now()) {
  create_run_directory(setup_.layout);
  lock_ = std::make_unique<RunLock>(setup_.layout, lock_times(options_.run), setup_.stop_asked);
  prepare_run_directory(setup_.layout, setup_.run, setup_.fresh);
  const std::uint64_t retried =
      setup_.retry_failed ? retry_failed_tiles(setup_.layout, schema_) : 0;
  if (retried > 0)
    log_info("{} failed {}, computed again", retried, retried == 1 ? "tile" : "tiles");
  if (setup_.time_left_s) deadline_s_ = *setup_.time_left_s;
  events_ = std::make_unique<EventLog>(setup_.layout.events(), setup_.host);
  status_.state = "starting";
  status_.run_uuid = make_uuid4();
  status_.started = iso8601_now();
  status_.slides = setup_.run.cohort.size();
  RankStatus self;
  self.role = "master";
  self.host = setup_.host;
  self.device = "none";
  self.pid = static_cast<std::uint64_t>(::getpid());
  self.budget_bytes = setup_.limit_bytes;
  if (!setup_.works) status_.ranks.push_back(self);
  events_->write("info", 0, "start",
                 {{"run_uuid", status_.run_uuid},
                  {"ranks", std::int64_t{channel_.size()}},
                  {"slides", static_cast<std::int64_t>(status_.slides)}});
}

Master::~Master() = default;

double Master::now_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

std::optional<int> Master::step(std::chrono::microseconds patience) {
  bool waited = false;
  while (auto message = channel_.receive(waited ? std::chrono::microseconds(0) : patience)) {
    waited = true;
    handle(*message);
    if (exit_code_) return exit_code_;
  }
  const double now = now_s();
  if (now >= next_look_s_ && phase_ != Phase::kDone) {
    lock_->check_mine();
    look_for_dead();
    next_look_s_ = now + std::min(1.0, options_.run.silent_limit_s / 4);
    if (exit_code_) return exit_code_;
  }
  if (phase_ == Phase::kHello) {
    const auto workers = static_cast<std::size_t>(channel_.size() - 1);
    const bool late = now > kHelloLimit_s;
    if (peers_.size() == workers || (late && !peers_.empty())) {
      if (refusal_.empty()) refusal_ = gpu_sharing_problem(gpus_);
      if (refusal_.empty())
        begin();
      else
        end("failed", exit_code_of(ErrorCode::kBudget), refusal_);
    }
    if (late && peers_.empty()) end("failed", 70, "no worker said hello");
  } else if (phase_ == Phase::kPack) {
    if (everyone_answers()) pack();
  } else if (phase_ == Phase::kStopping) {
    if (scheduler_ == nullptr || scheduler_->idle() || now - stop_begin_s_ > kStopLimit_s)
      end(stop_code_ == 75 ? "stopped" : "failed", stop_code_, stop_message_);
  } else if (scheduler_ != nullptr && phase_ != Phase::kDone) {
    scheduler_->tick(now);
    drive();
    if (scheduler_ != nullptr && scheduler_->out_of_time(now))
      begin_stopping(75, "the time limit is near");
  }
  if (now >= next_status_s_) {
    refresh_status();
    write_status(setup_.layout.status(), status_);
    next_status_s_ = now + kStatusInterval_s;
  }
  progress_.show(status_, now);
  return exit_code_;
}

void Master::handle(const Envelope& message) {
  const auto peer = peers_.find(message.from);
  if (peer != peers_.end()) {
    if (!peer->second.alive) return;  // written off: its answers are late
    peer->second.last_heard = now_s();
  }
  switch (message.tag) {
    case Tag::kHello:
      return on_hello(message.from, message.as<Hello>());
    case Tag::kCommitted:
      return on_committed(message.from, message.as<Committed>());
    case Tag::kFinished:
      return on_finished(message.from, message.as<Finished>());
    case Tag::kHeartbeat:
      return on_heartbeat(message.from, message.as<Heartbeat>());
    case Tag::kStop:
      return request_stop(static_cast<int>(message.as<Stop>().signal));
    default:
      fail(ErrorCode::kProtocol, "the master got tag {} from rank {}",
           static_cast<int>(message.tag), message.from);
  }
}

void Master::on_hello(int from, const Hello& hello) {
  check(hello.protocol_version == kProtocolVersion, ErrorCode::kProtocol,
        "rank {} speaks protocol {}, the master {}; start all ranks from one build", from,
        hello.protocol_version, kProtocolVersion);
  RankStatus rank;
  rank.rank = setup_.works ? 0 : from;
  rank.role = setup_.works ? "master+worker" : "worker";
  rank.host = hello.host.view();
  rank.device = hello.device.view();
  rank.gpu_uuid = hello.gpu_uuid.view();
  rank.pid = hello.pid;
  rank.threads = hello.threads;
  rank.budget_bytes = hello.budget_bytes;
  rank.device_budget_bytes = hello.device_budget_bytes;
  peers_[from] = {true,
                  now_s(),
                  status_.ranks.size(),
                  {rank.host, std::string(hello.process_space.view()),
                   static_cast<std::int64_t>(hello.pid), hello.start_ticks}};
  status_.ranks.push_back(rank);
  gpus_.push_back({rank.rank, rank.host, std::string(hello.gpu_uuid.view()),
                   checked_cast<int>(hello.gpus_visible), checked_cast<int>(hello.gpus_granted)});
  if (hello.smallest_budget_bytes > hello.budget_bytes)
    refusal_ = fmt::format(
        "rank {} on {} may take {} of memory, but tiles of {} px with a halo of {} px "
        "need {}; set memory.host_per_rank to at least {}MiB, run fewer ranks on the "
        "node, or make tiles.size_px smaller",
        rank.rank, rank.host, format_bytes(hello.budget_bytes), options_.tiles.size_px,
        options_.tiles.halo_px, format_bytes(hello.smallest_budget_bytes),
        advised_limit_mib(hello.smallest_budget_bytes));
}

void Master::on_committed(int from, const Committed& message) {
  status_.tiles_done += message.tiles - message.tiles_failed;
  status_.tiles_failed += message.tiles_failed;
  status_.cells += message.cells;
  status_.ranks[peers_.at(from).row].tiles += message.tiles;
  events_->write(message.tiles_failed > 0 ? "warning" : "info", from, "committed",
                 {{"first", static_cast<std::int64_t>(message.first)},
                  {"last", static_cast<std::int64_t>(message.last) - 1},
                  {"tiles", static_cast<std::int64_t>(message.tiles)},
                  {"failed", static_cast<std::int64_t>(message.tiles_failed)},
                  {"cells", static_cast<std::int64_t>(message.cells)},
                  {"seconds", message.seconds}});
  if (scheduler_ == nullptr) return;
  scheduler_->on_committed(from, message.lease, message.first, message.last, now_s());
  drive();
}

void Master::on_finished(int from, const Finished& message) {
  const std::string reason(message.reason.view());
  const auto lease = lease_first_.find(message.lease);
  if (lease != lease_first_.end()) {
    if (message.end == LeaseEnd::kChanged)
      changed_.push_back(setup_.run.cohort.at(lease->second).id + ": " + reason);
    if (message.end == LeaseEnd::kStrips)
      cut_slides_[lease->second] = {message.strips, std::string(message.fingerprint.view())};
    lease_first_.erase(lease);
  }
  if (message.end == LeaseEnd::kFailed) {
    events_->write("error", from, "range-failed", {{"reason", reason}});
    const auto code = static_cast<ErrorCode>(message.error_code);
    if (code == ErrorCode::kIo || code == ErrorCode::kHdf5) ++write_failures_;
  }
  if (scheduler_ == nullptr) return;
  const bool cut = message.end == LeaseEnd::kStrips;
  if (phase_ == Phase::kScan && message.end != LeaseEnd::kDropped && !cut) ++status_.slides_scanned;
  const LeaseEnd end = cut ? LeaseEnd::kDone : message.end;  // the slide comes again, not the lease
  scheduler_->on_finished(from, message.lease, end, reason, now_s());
  if (write_failures_ >= 2 && phase_ != Phase::kStopping) {
    begin_stopping(exit_code_of(ErrorCode::kIo),
                   "the run directory cannot be written: " + reason +
                       "; make room, then run the same command again");
    return;
  }
  drive();
}

void Master::on_heartbeat(int from, const Heartbeat& message) {
  const auto peer = peers_.find(from);
  if (peer == peers_.end()) return;
  RankStatus& rank = status_.ranks[peer->second.row];
  rank.rss_bytes = message.rss_bytes;
  rank.peak_rss_bytes = std::max(rank.peak_rss_bytes, message.peak_rss_bytes);
  rank.pixels_read = message.pixels_read;
  rank.read_s = message.read_s;
  rank.compute_s = message.compute_s;
  rank.commit_s = message.commit_s;
  rank.wait_read_s = message.wait_read_s;
  rank.wait_commit_s = message.wait_commit_s;
  rank.wait_lease_s = message.wait_lease_s;
  rank.device_busy_s = message.device_busy_s;
  rank.device_peak_bytes = std::max(rank.device_peak_bytes, message.device_peak_bytes);
  rank.staged_slides = message.staged_slides;
  rank.staged_bytes = message.staged_bytes;
  channel_.send(from, Alive{++peer->second.heartbeats});
  if (scheduler_ == nullptr) return;
  if (phase_ != Phase::kStopping) tell_again(from, peer->second, message.leases);
  if (message.lease != 0) scheduler_->on_begun(from, message.lease, message.begun);
  if (std::exchange(peer->second.progress, message.progress) != message.progress)
    scheduler_->on_progress(from, now_s());
  else
    scheduler_->on_heard(from, now_s());
}

void Master::begin() {
  for (const auto& [rank, peer] : peers_)
    setup_.run.provenance[fmt::format("rank {}", rank)] = status_.ranks[peer.row].host;
  write_run_json(setup_.layout.run_json(), setup_.run);
  for (const auto& [rank, peer] : peers_) channel_.send(rank, Begin{status_.slides});
  status_.state = "scanning";
  start_scan({{0, status_.slides, 0}});
}

// While whole slides are handed out, every thread of a worker has one and one more waits; ranges
// keep all threads busy with one, so two leases are enough.
void Master::start_phase(Phase phase, const std::vector<WorkInterval>& work,
                         SchedulerOptions options) {
  phase_ = phase;
  options.silent_limit_s = options_.run.silent_limit_s;
  options.stuck_limit_s = options_.run.stuck_limit_s;
  options.repeat_after_s = kRepeatAfter_s;
  if (deadline_s_) options.deadline_s = *deadline_s_;
  options.first_lease = next_lease_;  // a late answer of the phase before is to no one's lease
  scheduler_ = std::make_unique<Scheduler>(options, without_hopeless(work));
  lease_first_.clear();
  for (const auto& [rank, peer] : peers_) {
    if (!peer.alive) continue;
    const auto threads = static_cast<int>(status_.ranks[peer.row].threads);
    scheduler_->add_worker(rank, phase == Phase::kProcess ? 2 : threads + 1, now_s());
  }
  drive();
}

void Master::drive() {
  if (scheduler_ == nullptr || phase_ == Phase::kDone) return;
  for (const SchedulerAction& action : scheduler_->take_actions()) {
    switch (action.kind) {
      case SchedulerAction::Kind::kAssign:
        lease_first_[action.lease] = action.first;
        next_lease_ = std::max(next_lease_, action.lease + 1);
        channel_.send(action.worker,
                      Work{action.lease, action.first, action.last, work_kind(), generation_});
        break;
      case SchedulerAction::Kind::kCancel:
        channel_.send(action.worker, Cancel{action.lease});
        break;
      case SchedulerAction::Kind::kTrim:
        channel_.send(action.worker, Cancel{action.lease, action.last});
        break;
      case SchedulerAction::Kind::kWriteOff:
        write_off(action.worker, action.reason);
        break;
      case SchedulerAction::Kind::kGiveUp:
        give_up(action.first, action.reason);
        break;
    }
  }
  if (phase_ == Phase::kStopping) return;
  if (scheduler_->live_workers() == 0 && !scheduler_->finished())
    return begin_stopping(75, "no worker is left; run the same command again to resume");
  if (scheduler_->finished()) phase_done();
}

void Master::request_stop(int signal) {
  if (phase_ == Phase::kStopping || phase_ == Phase::kDone) return;
  progress_.clear();
  log_warning("stopping{}: what is whole is committed first; a second signal stops at once",
              signal == 0 ? "" : fmt::format(" (signal {})", signal));
  begin_stopping(75, signal == 0 ? "stopped" : fmt::format("stopped by signal {}", signal));
}

void Master::begin_stopping(int exit_code, const std::string& message) {
  stop_code_ = exit_code;
  stop_message_ = message;
  stop_begin_s_ = now_s();
  phase_ = Phase::kStopping;
  if (scheduler_ != nullptr) scheduler_->stop();
  for (const auto& [rank, peer] : peers_)
    if (peer.alive) channel_.send(rank, Stop{});
}

void Master::end(const std::string& state, int exit_code, const std::string& message) {
  progress_.clear();
  refresh_status();
  status_.state = state;
  status_.exit_code = exit_code;
  status_.message = message;
  phase_ = Phase::kDone;
  exit_code_ = exit_code;
  for (const auto& [rank, peer] : peers_)
    if (peer.alive) channel_.send(rank, Exit{exit_code, lost_workers_ ? 1U : 0U});
  events_->write(exit_code == 0 ? "info" : "warning", 0, "end",
                 {{"state", state}, {"exit_code", std::int64_t{exit_code}}, {"message", message}});
  write_status(setup_.layout.status(), status_);
  if (exit_code == 75)
    log_warning("{}: {} of {} tiles are committed; run the same command again to resume", message,
                status_.tiles_done + status_.tiles_failed, status_.sample);
  else if (!message.empty())
    log_error("{}", message);
}

void Master::abandon(const Error& error) {
  if (phase_ != Phase::kDone) end("failed", exit_code_of(error.code()), error.what());
}

void Master::refresh_status() {
  const double now = now_s();
  status_.updated = iso8601_now();
  status_.elapsed_s = now;
  if (!setup_.works && !status_.ranks.empty()) {
    status_.ranks[0].rss_bytes = rss_bytes();
    status_.ranks[0].peak_rss_bytes = peak_rss_bytes();
  }
  for (const auto& [rank, peer] : peers_) status_.ranks[peer.row].silent_s = now - peer.last_heard;
  if (phase_ != Phase::kProcess) return;
  status_.processing_s = now - process_begin_s_;
  const std::uint64_t settled = status_.tiles_done + status_.tiles_failed;
  const std::uint64_t here = settled - std::min(settled, status_.tiles_resumed);
  status_.tiles_per_s =
      status_.processing_s > 0 ? static_cast<double>(here) / status_.processing_s : 0;
  status_.eta_s = status_.tiles_per_s > 0
                      ? static_cast<double>(status_.sample - std::min(status_.sample, settled)) /
                            status_.tiles_per_s
                      : -1;
}

}  // namespace tilepool
