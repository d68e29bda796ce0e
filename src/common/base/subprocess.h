#pragma once

#include <string>
#include <vector>

namespace tilepool {

struct SubprocessResult {
  int exit_code = 0;  ///< 128 + signal when one ended it; 127: no such program
  std::string output, errors;
};

/// Runs `arguments[0]`, looked up in $PATH, with `input` as its standard input, and waits for its
/// end. For small amounts of text: input, output and errors each are kept whole. Throws Error(kIo)
/// when the system refuses a process or a temporary file.
[[nodiscard]] SubprocessResult run_subprocess(const std::vector<std::string>& arguments,
                                              const std::string& input);

}  // namespace tilepool
