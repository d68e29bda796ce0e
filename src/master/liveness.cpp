#include <algorithm>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "master/master.h"

namespace tilepool {

namespace {
constexpr std::uint32_t kMostCrashes = 2;  // of one tile or slide, then it is given up
constexpr int kEmptyBeats = 5;             // longer than any message takes
}  // namespace

WorkKind Master::work_kind() const {
  switch (phase_) {
    case Phase::kScanStrips:
      return WorkKind::kStrip;
    case Phase::kCalibrate:
      return WorkKind::kCalibrate;
    case Phase::kProcess:
      return WorkKind::kRange;
    default:
      return WorkKind::kScan;
  }
}

std::uint32_t Master::note_generation() const {
  return phase_ == Phase::kProcess ? generation_ : 0;
}

// A death is seen at once where the dead process can be asked after, or left a note; else by its
// silence. Without a scheduler (before the first phase, while packing) only the master's books
// change.
void Master::look_for_dead() {
  std::vector<std::pair<int, std::string>> lost;
  std::set<std::pair<int, std::int64_t>> crashed;
  for (const CrashNote& note : read_crash_notes(setup_.layout.crashes_dir()))
    crashed.emplace(note.rank, note.pid);
  for (const auto& [rank, peer] : peers_) {
    if (!peer.alive || setup_.works) continue;
    const Life life = life_of(peer.process);
    if (life == Life::kDead)
      lost.emplace_back(rank, "died");
    else if (life == Life::kUnknown && crashed.contains({rank, peer.process.pid}))
      lost.emplace_back(rank, "crashed");
  }
  for (const int rank : channel_.dead_ranks())
    if (peers_.contains(rank)) lost.emplace_back(rank, "died");
  if (scheduler_ != nullptr)
    for (const Scheduler::Overdue& late : scheduler_->overdue(now_s()))
      lost.emplace_back(late.worker, late.reason);
  for (const auto& [rank, what] : lost) lose(rank, what);
  if (!lost.empty() && scheduler_ != nullptr) drive();
}

void Master::lose(int worker, const std::string& what) {
  const Peer& peer = peers_.at(worker);
  if (!peer.alive) return;
  std::vector<std::uint64_t> culprits;
  std::string crash;
  const WorkKind kind = work_kind();
  for (const CrashNote& note : read_crash_notes(setup_.layout.crashes_dir())) {
    if (note.rank != worker || note.pid != peer.process.pid) continue;
    crash = fmt::format(" (signal {})", note.signal);
    if (note.kind == kind && note.generation == note_generation()) culprits.push_back(note.index);
  }
  const std::string reason =
      fmt::format("worker {} on {} {}{}", worker, peer.process.host, what, crash);
  if (scheduler_ == nullptr) return write_off(worker, reason);
  scheduler_->on_lost(worker, reason, now_s(), culprits);
}

void Master::write_off(int worker, const std::string& reason) {
  Peer& peer = peers_.at(worker);
  if (!std::exchange(peer.alive, false)) return;
  status_.ranks[peer.row].alive = false;
  lost_workers_ = true;
  channel_.give_up(worker);
  progress_.clear();
  log_warning("{}; its work goes to others", reason);
  events_->write("error", worker, "worker-lost", {{"reason", reason}});
}

// MPI delivers every message, but not every library does when a rank dies: a worker that goes on
// saying that it has nothing, while it should have, is told again. If the message was only slow,
// the worker passes over the second one.
void Master::tell_again(int worker, Peer& peer, std::uint64_t leases_held) {
  const auto leases = scheduler_->leases_of(worker);
  peer.empty_beats = leases_held > 0 || leases.empty() ? 0 : peer.empty_beats + 1;
  if (peer.empty_beats < kEmptyBeats) return;
  peer.empty_beats = 0;
  events_->write("warning", worker, "told-again",
                 {{"leases", static_cast<std::int64_t>(leases.size())}});
  for (const SchedulerAction& lease : leases)
    channel_.send(worker, Work{lease.lease, lease.first, lease.last, work_kind(), generation_});
}

// Before ranks meet in collective calls: each was heard of since the work ended, or is given up.
bool Master::everyone_answers() {
  const double now = now_s();
  bool all = true;
  for (const auto& [rank, peer] : peers_) {
    if (!peer.alive || peer.last_heard > pack_begin_s_) continue;
    if (now - peer.last_heard > options_.run.silent_limit_s)
      lose(rank, fmt::format("was silent for {:.0f} s", now - peer.last_heard));
    else
      all = false;
  }
  return all;
}

// What crashed a process again and again in earlier attempts of this run is not tried any more.
std::vector<WorkInterval> Master::without_hopeless(const std::vector<WorkInterval>& work) {
  std::vector<CrashNote> notes = read_crash_notes(setup_.layout.crashes_dir());
  std::erase_if(notes, [this](const CrashNote& note) {
    return note.kind != work_kind() || note.generation != note_generation();
  });
  std::vector<CrashNote> hopeless;
  std::vector<WorkInterval> rest = single_out(work, notes, kMostCrashes, hopeless);
  const char* const again = work_kind() == WorkKind::kRange ? "--retry-failed" : "--fresh";
  for (const CrashNote& note : hopeless)
    give_up(note.index,
            fmt::format("crashed the process {} times, last by signal {}; {} has it tried again",
                        kMostCrashes, note.signal, again));
  return rest;
}

}  // namespace tilepool
