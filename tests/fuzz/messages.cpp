#include <map>
#include <set>

#include "common/base/error.h"
#include "common/model/protocol.h"
#include "fuzz.h"
#include "master/scheduler.h"

using namespace tilepool;

namespace {

constexpr std::uint64_t kIndices = 40;

template <std::size_t N>
void check_text(const FixedText<N>& text) {
  fuzz::require(text.view().size() <= N && text.view().find('\0') == std::string_view::npos,
                "a text ends inside its message");
  FixedText<N> copy;
  copy.set(text.view());
  fuzz::require(copy.view() == text.view().substr(0, N - 1), "a text survives being sent on");
}

/// The scheduler behind the messages, and what it handed out.
class Run {
 public:
  Run() : scheduler_({.max_range = 8, .silent_limit_s = 1e9}, {{0, kIndices}}) {}

  void hello(int from, const Hello& hello) {
    check_text(hello.host);
    check_text(hello.device);
    check_text(hello.process_space);
    check(hello.protocol_version == kProtocolVersion, ErrorCode::kProtocol, "another protocol");
    scheduler_.add_worker(from, static_cast<int>(hello.threads % 4) + 1, now_);
  }
  void committed(int from, const Committed& message) {
    scheduler_.on_committed(from, message.lease, message.first, message.last, now_);
  }
  void finished(int from, const Finished& message) {
    check_text(message.reason);
    check_text(message.fingerprint);
    scheduler_.on_finished(from, message.lease, message.end, std::string(message.reason.view()),
                           now_);
  }
  void heartbeat(int from) { scheduler_.on_progress(from, now_); }
  void lose(int worker) { scheduler_.on_lost(worker, "lost", now_); }

  void drive() {
    now_ += 1;
    scheduler_.tick(now_);
    for (const SchedulerAction& action : scheduler_.take_actions()) {
      if (action.kind == SchedulerAction::Kind::kAssign) {
        fuzz::require(action.first < action.last && action.last <= kIndices,
                      "a lease lies within the work");
        out_[action.lease] = action;
      }
      if (action.kind == SchedulerAction::Kind::kWriteOff)
        std::erase_if(out_,
                      [&](const auto& lease) { return lease.second.worker == action.worker; });
    }
    fuzz::require(scheduler_.remaining() <= kIndices, "nothing is left twice");
  }

  /// An honest worker joins and does what it is told, the others are lost: the work comes to its
  /// end.
  void bring_to_an_end() {
    constexpr int kHonest = 1000;
    scheduler_.add_worker(kHonest, 1, now_);
    for (int worker = 0; worker < 256; ++worker) lose(worker);
    drive();
    for (std::uint64_t steps = 0; !scheduler_.finished(); ++steps) {
      fuzz::require(!out_.empty() && steps < 100 * kIndices, "the work comes to its end");
      const SchedulerAction lease = out_.begin()->second;
      out_.erase(out_.begin());
      scheduler_.on_committed(lease.worker, lease.lease, lease.first, lease.last, now_);
      scheduler_.on_finished(lease.worker, lease.lease, LeaseEnd::kDone, "", now_);
      drive();
    }
  }

 private:
  Scheduler scheduler_;
  std::map<std::uint64_t, SchedulerAction> out_;
  double now_ = 0;
};

void handle(Run& run, const Envelope& message) {
  switch (message.tag) {
    case Tag::kHello:
      return run.hello(message.from, message.as<Hello>());
    case Tag::kCommitted:
      return run.committed(message.from, message.as<Committed>());
    case Tag::kFinished:
      return run.finished(message.from, message.as<Finished>());
    case Tag::kHeartbeat:
      (void)message.as<Heartbeat>();
      return run.heartbeat(message.from);
    case Tag::kBegin:
      return (void)message.as<Begin>();
    case Tag::kWork:
      return (void)message.as<Work>();
    case Tag::kCancel:
      return (void)message.as<Cancel>();
    case Tag::kStop:
      return (void)message.as<Stop>();
    case Tag::kPack:
      return (void)message.as<Pack>();
    case Tag::kExit:
      return (void)message.as<Exit>();
    case Tag::kAlive:
      return (void)message.as<Alive>();
  }
  fail(ErrorCode::kProtocol, "tag {}", static_cast<int>(message.tag));
}

std::size_t true_size(Tag tag) {
  static const std::map<Tag, std::size_t> kSizes = {
      {Tag::kHello, sizeof(Hello)},       {Tag::kBegin, sizeof(Begin)},
      {Tag::kWork, sizeof(Work)},         {Tag::kCommitted, sizeof(Committed)},
      {Tag::kFinished, sizeof(Finished)}, {Tag::kHeartbeat, sizeof(Heartbeat)},
      {Tag::kCancel, sizeof(Cancel)},     {Tag::kStop, sizeof(Stop)},
      {Tag::kPack, sizeof(Pack)},         {Tag::kExit, sizeof(Exit)},
      {Tag::kAlive, sizeof(Alive)}};
  const auto found = kSizes.find(tag);
  return found == kSizes.end() ? 0 : found->second;
}

}  // namespace

// Messages of any tag, size and content, as a master gets them: per message a byte for the sender,
// one for the tag (0: four bytes follow), a zero for its right size (else two bytes follow), then
// its bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Run run;
  constexpr int kMostMessages = 100;
  for (int i = 0; i < kMostMessages && !input.empty(); ++i) {
    Envelope message;
    message.from = input.byte();
    const std::uint8_t tag = input.byte();
    message.tag = static_cast<Tag>(tag == 0 ? input.take<std::int32_t>() : tag);
    const bool of_right_size = input.byte() == 0;
    message.size = of_right_size ? true_size(message.tag)
                                 : input.take<std::uint16_t>() % (kMaxMessageBytes + 1);
    input.copy_to(message.bytes.data(), message.size);
    fuzz::accepted([&] { handle(run, message); });
    if (tag == 12) run.lose(message.from);
    run.drive();
  }
  run.bring_to_an_end();
  return 0;
}
