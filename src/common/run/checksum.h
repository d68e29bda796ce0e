#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tilepool {

/// XXH3-64 (xxHash, seed 0) over bytes that come piece by piece.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;
  void add(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tilepool
