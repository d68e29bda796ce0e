#include "common/run/checksum.h"

#include <xxhash.h>

#include "common/base/error.h"

namespace tilepool {

struct Checksum::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> hash{XXH3_createState()};
};

Checksum::Checksum() : state_(std::make_unique<State>()) {
  check(state_->hash != nullptr && XXH3_64bits_reset(state_->hash.get()) == XXH_OK,
        ErrorCode::kInternal, "cannot make a checksum");
}

Checksum::~Checksum() = default;

void Checksum::add(std::span<const std::byte> bytes) {
  check(XXH3_64bits_update(state_->hash.get(), bytes.data(), bytes.size()) == XXH_OK,
        ErrorCode::kInternal, "cannot checksum {} bytes", bytes.size());
}

std::uint64_t Checksum::value() const { return XXH3_64bits_digest(state_->hash.get()); }

}  // namespace tilepool
