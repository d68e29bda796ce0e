#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tilepool {

/// A program started in a process group of its own, so that a terminal's Ctrl-C reaches only its
/// parent, with no standard input. It gets SIGTERM when its parent dies.
class Child {
 public:
  /// Throws Error(kIo) when no process can be made. `environment`: "NAME=value" beside ours.
  Child(const std::vector<std::string>& command, const std::vector<std::string>& environment);
  /// Ends what is left of it: SIGKILL to its group.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void signal(int number) const;
  /// Its exit code (128 + signal when killed) once it has ended.
  [[nodiscard]] std::optional<int> ended();

 private:
  pid_t pid_ = -1;
  std::optional<int> code_;
};

/// SIGKILL to every process on this host, but this one, whose environment holds `mark`
/// ("NAME=value").
void kill_marked(const std::string& mark);

}  // namespace tilepool
