#include "launch/restart.h"

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/run/status_json.h"
#include "launch/child.h"

namespace tilepool {
namespace {

using Hosts = std::vector<std::string>;

constexpr double kProbeLimit_s = 20;
constexpr std::size_t kProbesAtOnce = 16;

/// An mpirun that starts nothing but one process on each of `hosts`. What it says of a host that it
/// cannot reach is no news here.
std::vector<std::string> probe_command(const Mpirun& mpirun, const Hosts& hosts) {
  RankPlacement one_each{static_cast<int>(hosts.size()), "", {}};
  for (const std::string& host : hosts) one_each.hosts.push_back(host + ":1");
  std::vector<std::string> line{"/bin/sh", "-c", "exec \"$@\" >/dev/null 2>&1", "probe"};
  const auto words = mpirun_command(mpirun, one_each, true, {}, {"true"});
  line.insert(line.end(), words.begin(), words.end());
  return line;
}

/// For each group whether all of its hosts take a process; all groups are tried at the same time.
std::vector<bool> answering(const Mpirun& mpirun, const std::vector<Hosts>& groups) {
  std::list<Child> probes;
  for (const Hosts& hosts : groups)
    probes.emplace_back(probe_command(mpirun, hosts), std::vector<std::string>{});
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(kProbeLimit_s);
  const auto running = [](Child& probe) { return !probe.ended(); };
  while (std::any_of(probes.begin(), probes.end(), running) &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::vector<bool> answers;
  for (Child& probe : probes) answers.push_back(probe.ended() == 0);
  return answers;
}

/// Mostly a rank was lost and no host, and one mpirun shows that.
Hosts reachable(const Mpirun& mpirun, const Hosts& hosts) {
  if (answering(mpirun, {hosts}).front()) return hosts;
  Hosts found;
  for (std::size_t first = 0; first < hosts.size(); first += kProbesAtOnce) {
    std::vector<Hosts> alone;
    for (std::size_t i = first; i < std::min(hosts.size(), first + kProbesAtOnce); ++i)
      alone.push_back({hosts[i]});
    const std::vector<bool> answers = answering(mpirun, alone);
    for (std::size_t i = 0; i < alone.size(); ++i)
      if (answers[i]) found.push_back(hosts[first + i]);
  }
  return found;
}

}  // namespace

RankPlacement placement_left(const RunLayout& layout, const Mpirun& mpirun,
                             const RankPlacement& before) {
  std::map<std::string, int> ranks, alive;
  try {
    for (const RankStatus& rank : read_status(layout.status()).ranks) {
      ++ranks[rank.host];
      alive[rank.host] += rank.alive ? 1 : 0;
    }
  } catch (const Error&) {
    return before;
  }
  Hosts candidates;
  for (const auto& [host, count] : alive)
    if (count > 0) candidates.push_back(host);
  if (candidates.size() > 1) candidates = reachable(mpirun, candidates);
  if (candidates.empty() || candidates.size() == ranks.size()) return before;
  RankPlacement left;
  for (const std::string& host : candidates) {
    left.hosts.push_back(fmt::format("{}:{}", host, ranks.at(host)));
    left.ranks += ranks.at(host);
  }
  return left;
}

}  // namespace tilepool
