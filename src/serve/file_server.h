#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace tilepool {

/// Serves a folder to browsers of this machine, at 127.0.0.1 alone and under an address that other
/// users of the machine cannot guess. Reads only.
class FileServer {
 public:
  /// `port` 0: any free one. Throws Error(kNoInput) when `folder` is none, Error(kIo) when the port
  /// is taken.
  FileServer(const std::filesystem::path& folder, std::uint16_t port);
  ~FileServer();
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// "http://127.0.0.1:PORT/SECRET/"
  [[nodiscard]] std::string url() const;
  /// Answers until `stopped` says so, which is asked several times a second.
  void run(const std::function<bool()>& stopped);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tilepool
