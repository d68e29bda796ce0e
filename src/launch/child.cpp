#include "launch/child.h"

#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Between fork and exec only what signal-safety(7) allows.
[[noreturn]] void become(char* const* command, char* const* environment, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(75);  // it died in between
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  ::execvpe(command[0], command, environment);
  const char* const reason = std::strerror(errno);
  (void)!::write(STDERR_FILENO, reason, std::strlen(reason));
  ::_exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  std::vector<std::string> words = command;
  std::vector<std::string> variables = environment;
  for (char** at = environ; *at != nullptr; ++at) variables.emplace_back(*at);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> env = pointers(variables);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  check(pid_ >= 0, ErrorCode::kIo, "cannot start {}: {}", command.at(0), errno_text(errno));
  if (pid_ == 0) become(argv.data(), env.data(), parent);
  ::setpgid(pid_, pid_);  // here too: whichever comes first
}

Child::~Child() {
  ::kill(-pid_, SIGKILL);
  if (!code_) ::waitpid(pid_, nullptr, 0);
}

void Child::signal(int number) const {
  if (!code_) ::kill(pid_, number);
}

std::optional<int> Child::ended() {
  if (code_) return code_;
  int state = 0;
  if (::waitpid(pid_, &state, WNOHANG) != pid_) return std::nullopt;
  code_ = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  return code_;
}

void kill_marked(const std::string& mark) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    std::ifstream stream(entry.path() / "environ");
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if ((std::string(1, '\0') + text).find('\0' + mark + '\0') != std::string::npos)
      ::kill(pid, SIGKILL);
  }
}

}  // namespace tilepool
