#include "launch/mpirun.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/subprocess.h"
#include "common/base/system.h"

namespace tilepool {

MpiTier Mpirun::tier() const {
  if (major >= 5) return MpiTier::kUlfm;
  return major == 4 ? MpiTier::kRecovery : MpiTier::kPlain;
}

std::string Mpirun::version() const { return fmt::format("{}.{}.{}", major, minor, release); }

std::string describe(MpiTier tier) {
  switch (tier) {
    case MpiTier::kUlfm:
      return "ULFM: a lost worker is reported by MPI and costs only its own work in hand";
    case MpiTier::kRecovery:
      return "recovery: a lost worker costs only its own work in hand";
    case MpiTier::kPlain:
      break;
  }
  return "plain: a lost rank ends the run; the same command resumes it";
}

Mpirun parse_mpirun_version(const std::filesystem::path& program, const std::string& text) {
  Mpirun found{program};
  const std::size_t name = text.find("(Open MPI) ");
  if (name != std::string::npos && std::sscanf(text.c_str() + name + 11, "%d.%d.%d", &found.major,
                                               &found.minor, &found.release) < 2)
    found.major = 0;
  return found;
}

Mpirun find_mpirun() {
  std::filesystem::path program = own_program().parent_path() / "mpirun";
  if (::access(program.c_str(), X_OK) != 0) program = "mpirun";
  const SubprocessResult answer = run_subprocess({program.string(), "--version"}, "");
  check(answer.exit_code == 0, ErrorCode::kMpi,
        "mpirun cannot be started ({}); install Open MPI (openmpi-bin) or load its module",
        one_line(answer.errors.empty() ? "not found" : answer.errors));
  return parse_mpirun_version(program, answer.output + answer.errors);
}

std::vector<std::string> mpirun_command(const Mpirun& mpirun, const RankPlacement& placement,
                                        bool scheduled, const std::vector<std::string>& exported,
                                        const std::vector<std::string>& command) {
  std::vector<std::string> line{mpirun.program.string()};
  const auto add = [&](auto... words) { (line.emplace_back(words), ...); };
  // 4.1 sends KILL 1 s after TERM unless told to wait; 30 s are enough to commit.
  if (mpirun.tier() == MpiTier::kRecovery)
    add("--enable-recovery", "--mca", "odls_base_sigkill_timeout", "30");
  // Once a peer on another host is lost, 4.1 looks for messages over TCP only every 10 ms: packing
  // 116 tiles by three ranks then took 8 s instead of 1.4 s.
  if (mpirun.tier() == MpiTier::kRecovery) add("--mca", "mpi_event_tick_rate", "100");
  // 5 warns that parallel files are not tested with failures; packing has a guard of its own.
  if (mpirun.tier() == MpiTier::kUlfm) add("--with-ft", "ulfm", "--mca", "mpi_ft_verbose", "0");
  // Threads of a worker spread over the cores that the node grants; a rank bound to one core
  // would run them all on it.
  add("--bind-to", "none");
  add("-n", std::to_string(placement.ranks));
  if (!placement.hosts.empty())
    add("--host", fmt::format("{}", fmt::join(placement.hosts, ",")));
  else if (!placement.hostfile.empty())
    add("--hostfile", placement.hostfile);
  else if (!scheduled)
    add("--oversubscribe");
  for (const std::string& name : exported) add("-x", name);
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

}  // namespace tilepool
