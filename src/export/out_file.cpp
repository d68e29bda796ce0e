#include "export/out_file.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "common/base/error.h"
#include "common/run/atomic_file.h"

namespace tilepool {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
/// gzip's fastest: the text repeats itself, so that higher levels save little (docs/cli.md).
constexpr int kGzipLevel = 1;
/// zlib's largest window, and 16 more for a gzip header (zlib.h, deflateInit2).
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

[[noreturn]] void fail_write(const std::filesystem::path& path) {
  const int error = errno;
  fail(ErrorCode::kIo, "cannot write {}: {} (errno {})", path.string(), errno_text(error), error);
}

}  // namespace

struct OutFile::Deflater {
  Deflater() {
    const int result = deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                                    Z_DEFAULT_STRATEGY);
    check(result == Z_OK, ErrorCode::kInternal, "zlib cannot begin: error {}", result);
  }
  ~Deflater() { deflateEnd(&stream); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  z_stream stream{};
  std::array<char, kBufferBytes> out{};
};

OutFile::OutFile(std::filesystem::path path, Form form)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail_write(path_);
  if (form == Form::kGzip) deflater_ = std::make_unique<Deflater>();
}

OutFile::~OutFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutFile::put(std::string_view bytes) { write_all(descriptor_, bytes, path_); }

void OutFile::deflate(std::string_view bytes, int flush) {
  z_stream& stream = deflater_->stream;
  // zlib does not write through next_in; its type is older than const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  do {
    stream.next_out = reinterpret_cast<Bytef*>(deflater_->out.data());
    stream.avail_out = static_cast<uInt>(kBufferBytes);
    const int result = ::deflate(&stream, flush);
    check(result != Z_STREAM_ERROR, ErrorCode::kInternal, "zlib cannot compress: error {}", result);
    put({deflater_->out.data(), kBufferBytes - stream.avail_out});
  } while (stream.avail_out == 0);
}

void OutFile::write(std::string_view bytes) {
  if (deflater_ == nullptr) {
    waiting_ += bytes;
    if (waiting_.size() < kBufferBytes) return;
    put(waiting_);
    waiting_.clear();
    return;
  }
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kBufferBytes)))
    deflate(bytes.substr(0, kBufferBytes), Z_NO_FLUSH);
}

void OutFile::close() {
  if (deflater_ != nullptr) deflate({}, Z_FINISH);
  put(waiting_);
  waiting_.clear();
  if (::close(std::exchange(descriptor_, -1)) != 0) fail_write(path_);
}

}  // namespace tilepool
