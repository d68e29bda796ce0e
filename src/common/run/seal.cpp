#include "common/run/seal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <vector>

#include "common/base/error.h"
#include "common/run/checksum.h"

namespace tilepool {
namespace {

struct Seal {
  std::array<char, 8> mark{'T', 'P', 'S', 'E', 'A', 'L', '0', '1'};
  std::uint64_t bytes = 0;  ///< before the seal
  std::uint64_t checksum = 0;
};
static_assert(sizeof(Seal) == 24 && std::endian::native == std::endian::little);

/// Bytes read at a time.
constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20;

[[noreturn]] void fail_io(const char* verb, const std::filesystem::path& file) {
  const int error = errno;
  fail(ErrorCode::kIo, "cannot {} {}: {} (errno {})", verb, file.string(), errno_text(error),
       error);
}

/// The seal that the first `bytes` bytes of the stream should have; fewer when it ends before.
Seal seal_of(std::istream& stream, std::uint64_t bytes) {
  Seal seal;
  Checksum checksum;
  std::vector<char> block(std::min(bytes, kBlockBytes));
  while (seal.bytes < bytes) {
    const std::uint64_t wanted = std::min(kBlockBytes, bytes - seal.bytes);
    stream.read(block.data(), static_cast<std::streamsize>(wanted));
    const auto got = static_cast<std::size_t>(stream.gcount());
    if (got == 0) break;
    checksum.add(std::as_bytes(std::span(block).first(got)));
    seal.bytes += got;
  }
  seal.checksum = checksum.value();
  return seal;
}

std::ifstream open_to_read(const std::filesystem::path& file, std::uint64_t& bytes) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) fail_io("open", file);
  const std::streamoff end = stream.tellg();
  if (end < 0) fail_io("read", file);
  bytes = static_cast<std::uint64_t>(end);
  stream.seekg(0);
  return stream;
}

}  // namespace

void seal(const std::filesystem::path& file) {
  std::uint64_t bytes = 0;
  std::ifstream in = open_to_read(file, bytes);
  const Seal seal = seal_of(in, bytes);
  if (in.bad() || seal.bytes != bytes) fail_io("read", file);
  std::ofstream out(file, std::ios::binary | std::ios::app);
  out.write(reinterpret_cast<const char*>(&seal), sizeof seal);
  out.close();
  if (!out) fail_io("write", file);
}

void check_seal(const std::filesystem::path& file, std::string_view remedy) {
  std::uint64_t bytes = 0;
  std::ifstream stream = open_to_read(file, bytes);
  const Seal actual = seal_of(stream, bytes - std::min<std::uint64_t>(bytes, sizeof(Seal)));
  Seal expected{.mark = {}};
  stream.read(reinterpret_cast<char*>(&expected), sizeof expected);
  if (stream.bad()) fail_io("read", file);
  check(stream.gcount() == sizeof expected && expected.mark == actual.mark &&
            expected.bytes == actual.bytes,
        ErrorCode::kHdf5,
        "{}: is damaged or of another version: its {} bytes do not end with their seal{}",
        file.string(), bytes, remedy);
  check(expected.checksum == actual.checksum, ErrorCode::kHdf5,
        "{}: is damaged: its checksum is {:016x}, expected {:016x}{}", file.string(),
        actual.checksum, expected.checksum, remedy);
}

h5::File open_sealed(const std::filesystem::path& file, std::string_view remedy) {
  check_seal(file, remedy);
  return h5::File::open(file);
}

}  // namespace tilepool
