#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tilepool {

struct LaunchRequest {
  int ranks = 0;
  std::string hostfile;              ///< empty: the allocation's hosts, or this one
  int restarts = 0;                  ///< further attempts after a loss that the run did not survive
  std::vector<std::string> command;  ///< "run", CONFIG and its options
  std::filesystem::path run_dir;
  double silent_limit_s = 60;  ///< of the run's configuration
  bool quiet = false;
};

/// Runs `tilepool run` under mpirun with the flags that let it survive a death, and returns the
/// run's own exit code, whatever mpirun's is.
///
/// SIGINT, SIGTERM, SIGHUP and SIGUSR1 become SIGUSR1 to every rank: what is whole is committed,
/// 75; a second SIGINT ends all at once. An mpirun that does not end by itself, since a rank is
/// dead or stopped, is ended, and so are the ranks on this host. A master that is lost makes 75, or
/// another attempt while `restarts` are left; hosts that were lost as a whole are then left out.
/// Throws Error(kIo) when the run directory cannot be written, Error(kMpi) when there is no mpirun.
[[nodiscard]] int launch(const LaunchRequest& request);

}  // namespace tilepool
