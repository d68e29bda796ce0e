#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tilepool {

/// The MPI launcher at hand and what a run under it survives.
enum class MpiTier {
  kPlain,     ///< a rank's death ends the job; the same command resumes it
  kRecovery,  ///< Open MPI 4: the launcher lets the others go on
  kUlfm,      ///< Open MPI 5: the same, and the library knows who is dead
};

struct Mpirun {
  std::filesystem::path program;
  int major = 0, minor = 0, release = 0;  ///< of Open MPI; 0.0.0: another MPI
  [[nodiscard]] MpiTier tier() const;
  [[nodiscard]] std::string version() const;  ///< "4.1.4"
};

/// One line for a person: what happens when a rank dies.
[[nodiscard]] std::string describe(MpiTier tier);

/// What `mpirun --version` says.
[[nodiscard]] Mpirun parse_mpirun_version(const std::filesystem::path& program,
                                          const std::string& text);

/// The launcher beside this program (a bundle), else the one in PATH. Throws Error(kMpi) when there
/// is none.
[[nodiscard]] Mpirun find_mpirun();

struct RankPlacement {
  int ranks = 0;
  std::string hostfile;            ///< empty: the allocation's hosts, or this one
  std::vector<std::string> hosts;  ///< not empty: "name:slots", instead of the hostfile
};

/// The whole command line that starts `command` with recovery on. `scheduled`: a batch system gives
/// the slots; else this host's cores are no limit to the number of ranks.
[[nodiscard]] std::vector<std::string> mpirun_command(const Mpirun& mpirun,
                                                      const RankPlacement& placement,
                                                      bool scheduled,
                                                      const std::vector<std::string>& exported,
                                                      const std::vector<std::string>& command);

}  // namespace tilepool
