#include "common/base/subprocess.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

// Files instead of pipes: neither side can ever wait for the other.
struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File temporary_file(const std::string& content) {
  File file(std::tmpfile());
  const bool written = file != nullptr && std::fputs(content.c_str(), file.get()) >= 0 &&
                       std::fflush(file.get()) == 0;
  check(written, ErrorCode::kIo, "cannot write a temporary file: {}", errno_text(errno));
  std::rewind(file.get());
  return file;
}

std::string content_of(std::FILE* file) {
  std::rewind(file);
  std::string text;
  std::array<char, 4096> block{};
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), file))
    text.append(block.data(), n);
  return text;
}

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  void connect(std::FILE* file, int descriptor) {
    ::posix_spawn_file_actions_adddup2(&actions_, ::fileno(file), descriptor);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

int wait_for(::pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) == -1)
    check(errno == EINTR, ErrorCode::kIo, "cannot wait for a process: {}", errno_text(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

SubprocessResult run_subprocess(const std::vector<std::string>& arguments,
                                const std::string& input) {
  const File in = temporary_file(input);
  const File out = temporary_file("");
  const File err = temporary_file("");
  SpawnActions actions;
  actions.connect(in.get(), STDIN_FILENO);
  actions.connect(out.get(), STDOUT_FILENO);
  actions.connect(err.get(), STDERR_FILENO);
  std::vector<std::string> words = arguments;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::pid_t process = 0;
  const int problem =
      ::posix_spawnp(&process, argv[0], actions.get(), nullptr, argv.data(), environ);
  if (problem == ENOENT) return {127, "", errno_text(problem)};
  check(problem == 0, ErrorCode::kIo, "cannot start {}: {}", arguments[0], errno_text(problem));
  SubprocessResult result;
  result.exit_code = wait_for(process);
  result.output = content_of(out.get());
  result.errors = content_of(err.get());
  return result;
}

}  // namespace tilepool
