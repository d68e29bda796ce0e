#include "common/run/patch_files.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <png.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/run/atomic_file.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

int open_new(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  check(descriptor >= 0, ErrorCode::kIo, "cannot write {}: {}", path.string(),
        std::strerror(errno));
  return descriptor;
}

void close_written(int descriptor, const fs::path& path) {
  check(::close(descriptor) == 0, ErrorCode::kIo, "cannot write {}: {}", path.string(),
        std::strerror(errno));
}

/// Under a temporary name, then renamed.
void write_image(const fs::path& path, std::string_view bytes) {
  const fs::path temporary = temporary_path(path);
  const int descriptor = open_new(temporary);
  try {
    write_all(descriptor, bytes, path);
  } catch (const Error&) {
    ::close(descriptor);
    ::unlink(temporary.c_str());
    throw;
  }
  close_written(descriptor, path);
  fs::rename(temporary, path);
}

std::string png_bytes(ConstRgbView patch) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = checked_cast<png_uint_32>(patch.width);
  image.height = checked_cast<png_uint_32>(patch.height);
  image.format = PNG_FORMAT_RGB;
  image.flags = PNG_IMAGE_FLAG_FAST;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  const int written = png_image_write_to_memory(&image, bytes.data(), &size, 0, patch.data,
                                                checked_cast<png_int_32>(patch.stride), nullptr);
  check(written != 0, ErrorCode::kInternal, "libpng: {}", image.message);
  bytes.resize(size);
  return bytes;
}

std::string jpeg_bytes(ConstRgbView patch, int quality) {
  const std::unique_ptr<void, int (*)(tjhandle)> encoder(tjInitCompress(), tjDestroy);
  check(encoder != nullptr, ErrorCode::kInternal, "libturbojpeg: {}", tjGetErrorStr());
  const int width = checked_cast<int>(patch.width);
  const int height = checked_cast<int>(patch.height);
  std::string bytes(tjBufSize(width, height, TJSAMP_444), '\0');
  unsigned long size = bytes.size();  // NOLINT(google-runtime-int): turbojpeg's signature
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  const int refused =
      tjCompress2(encoder.get(), patch.data, width, checked_cast<int>(patch.stride), height,
                  TJPF_RGB, &out, &size, TJSAMP_444, quality, TJFLAG_NOREALLOC);
  check(refused == 0, ErrorCode::kInternal, "libturbojpeg: {}", tjGetErrorStr2(encoder.get()));
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::string npy_header(std::uint64_t rows, std::int64_t size) {
  // Version 1.0 of numpy.lib.format: magic, length of the dictionary, the dictionary, blanks.
  constexpr std::size_t kPrefix = 10;
  constexpr auto kLength = static_cast<std::uint16_t>(kNpyHeaderBytes - kPrefix);
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(kLength & 0xff);
  header += static_cast<char>(kLength >> 8);
  header += fmt::format("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}, {}, {}, 3), }}",
                        rows, size, size);
  header.resize(kNpyHeaderBytes - 1, ' ');
  return header + '\n';
}

PatchFileWriter::PatchFileWriter(const RunLayout& layout, const std::string& slide_id,
                                 const PatchOptions& options, std::optional<RawRows> rows)
    : pixels_(options.pixels),
      quality_(static_cast<int>(options.jpeg_quality)),
      folder_(layout.patch_images(slide_id)),
      raw_(layout.raw_patches(slide_id)),
      rows_(rows) {}

PatchFileWriter::~PatchFileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PatchFileWriter::add(ConstRgbView patch, std::int64_t x0, std::int64_t y0) {
  switch (pixels_) {
    case PatchPixels::kNone:
      return;
    case PatchPixels::kResults:
    case PatchPixels::kNpy:
      return add_raw(patch);
    case PatchPixels::kPng:
      write_image(folder_ / fmt::format("{}_{}.png", x0, y0), png_bytes(patch));
      break;
    case PatchPixels::kJpeg:
      write_image(folder_ / fmt::format("{}_{}.jpg", x0, y0), jpeg_bytes(patch, quality_));
      break;
  }
  ++n_;
}

// Tiles that other nodes write share pages with the ends of this one's. NFS writes whole pages from
// each client's own copy, unless they are locked: that makes the copy fresh and flushes it after.
// Where locks are not to be had, pages are coherent. The header is the same whoever writes it.
void PatchFileWriter::open_raw(std::int64_t size) {
  fs::create_directories(raw_.parent_path());
  descriptor_ = ::open(raw_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check(descriptor_ >= 0, ErrorCode::kIo, "cannot write {}: {}", raw_.string(),
        std::strerror(errno));
  constexpr std::uint64_t kPage = 4096;
  const auto bytes = static_cast<std::uint64_t>(3 * size * size);
  const std::uint64_t begin = (kNpyHeaderBytes + rows_->first * bytes) / kPage * kPage;
  const std::uint64_t end = kNpyHeaderBytes + (rows_->first + rows_->count) * bytes;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = checked_cast<off_t>(begin);
  lock.l_len = checked_cast<off_t>((end + kPage - 1) / kPage * kPage - begin);
  (void)::fcntl(descriptor_, F_OFD_SETLKW, &lock);
  struct stat state {};
  check(::fstat(descriptor_, &state) == 0, ErrorCode::kIo, "cannot read {}: {}", raw_.string(),
        std::strerror(errno));
  if (state.st_size == 0) write_all(descriptor_, npy_header(rows_->total, size), raw_);
}

void PatchFileWriter::add_raw(ConstRgbView patch) {
  if (descriptor_ < 0) open_raw(patch.width);
  const auto row = static_cast<std::size_t>(3 * patch.width);
  const std::size_t bytes = row * static_cast<std::size_t>(patch.height);
  bytes_.resize(bytes);
  for (std::int64_t y = 0; y < patch.height; ++y)
    std::memcpy(bytes_.data() + static_cast<std::size_t>(y) * row, patch.row(y), row);
  const auto offset = checked_cast<off_t>(kNpyHeaderBytes + (rows_->first + n_) * bytes);
  check(::lseek(descriptor_, offset, SEEK_SET) == offset, ErrorCode::kIo, "cannot write {}: {}",
        raw_.string(), std::strerror(errno));
  write_all(descriptor_, {reinterpret_cast<const char*>(bytes_.data()), bytes}, raw_);
  ++n_;
}

void PatchFileWriter::finish() {
  if (n_ == 0) return;
  int folder = -1;
  if (descriptor_ < 0) {  // images: all of them at once
    folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(folder >= 0, ErrorCode::kIo, "cannot open {}: {}", folder_.string(),
          std::strerror(errno));
  }
  const int failed = folder >= 0 ? ::syncfs(folder) : ::fdatasync(descriptor_);
  const int problem = errno;
  if (folder >= 0) ::close(folder);
  check(failed == 0, ErrorCode::kIo, "cannot write {}: {}", (folder >= 0 ? folder_ : raw_).string(),
        std::strerror(problem));
}

}  // namespace tilepool
