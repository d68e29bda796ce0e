#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tilepool::testing {

/// A folder of its own for one test, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tilepool-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Exit code of a shell command; its output goes to the test's.
inline int run_command(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/// Runs a script with Debian's python3: the independent reader. Exit code 77: a module is missing.
inline int run_python(const std::string& script, const std::string& arguments) {
  const TempFolder folder;
  const std::filesystem::path file = folder.path() / "check.py";
  std::ofstream(file) << script;
  return run_command("/usr/bin/python3 " + file.string() + " " + arguments);
}

}  // namespace tilepool::testing

/// Fails unless the script exits with 0; skips the test when it exits with 77.
#define TILEPOOL_EXPECT_PYTHON(script, arguments)                                     \
  do {                                                                                \
    const int exit_code = ::tilepool::testing::run_python(script, arguments);         \
    if (exit_code == 77) GTEST_SKIP() << "a Python module for this check is missing"; \
    EXPECT_EQ(exit_code, 0) << "the independent reader disagrees, see above";         \
  } while (false)
