#include "common/slide/file_probe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::uint16_t kTagCompression = 259;  // TIFF 6.0, section 3
constexpr std::uint16_t kTagTileWidth = 322;    // TIFF 6.0, section 15
constexpr std::uint16_t kTagTileLength = 323;
constexpr std::uint64_t kMostTilePixels = std::uint64_t{1} << 28;

/// Bytes of a value (TIFF 6.0, section 2, and BigTIFF); 0: no such type.
std::uint64_t type_bytes(std::uint64_t type) {
  constexpr std::array<std::uint64_t, 19> kBytes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                                    8, 4, 8, 4, 0, 0, 8, 8, 8};
  return type < kBytes.size() ? kBytes[static_cast<std::size_t>(type)] : 0;
}

/// Reads the skeleton of a TIFF: header and directories. Classic (TIFF 6.0, section 2) and BigTIFF.
class TiffSkeleton {
 public:
  explicit TiffSkeleton(const std::string& path)
      : file_(path, std::ios::binary), size_(std::filesystem::file_size(path)) {}

  [[nodiscard]] std::uint64_t first_compression() {
    if (!read_header() || !walk_directory(first_)) return 0;
    return compression_;
  }

  [[nodiscard]] std::string impossible() {
    if (!read_header() || (!big_ && size_ >> 32 != 0)) return "";
    int directories = 0;
    std::optional<std::uint64_t> at = first_;
    for (; at && *at != 0 && directories < kMaxDirectories && claim_.empty(); ++directories)
      at = walk_directory(*at);
    return claim_;
  }

  [[nodiscard]] std::string verdict() {
    if (!read_header()) return "";
    int directories = 0;
    for (std::uint64_t at = first_; at != 0 && directories < kMaxDirectories; ++directories) {
      const auto next = walk_directory(at);
      if (!next) {
        return fmt::format(
            "the file is cut short: TIFF directory {} at byte {} lies beyond its {} "
            "bytes; copy the slide again",
            directories, at, size_);
      }
      at = *next;
    }
    return tiled_ ? "" : "the TIFF is in strips, not tiles; convert it to a tiled, pyramidal TIFF";
  }

 private:
  static constexpr int kMaxDirectories = 1000;  // a chain may be a loop in a broken file

  [[nodiscard]] std::uint64_t number(std::uint64_t offset, int bytes) {
    unsigned char raw[8] = {};
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(reinterpret_cast<char*>(raw), bytes);
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value = value << 8 | raw[little_ ? bytes - 1 - i : i];
    }
    return value;
  }

  [[nodiscard]] bool read_header() {
    if (size_ < 16) return false;
    char order[2] = {};
    file_.read(order, 2);
    const std::string_view mark(order, 2);
    if (mark != "II" && mark != "MM") return false;
    little_ = mark == "II";
    const std::uint64_t version = number(2, 2);
    if (version != 42 && version != 43) return false;
    big_ = version == 43;
    first_ = big_ ? number(8, 8) : number(4, 4);
    return true;
  }

  /// Offset of the next directory, nullopt when this one does not lie inside the file.
  [[nodiscard]] std::optional<std::uint64_t> walk_directory(std::uint64_t at) {
    const std::uint64_t count_bytes = big_ ? 8 : 2;
    const std::uint64_t entry_bytes = big_ ? 20 : 12;
    const std::uint64_t link_bytes = big_ ? 8 : 4;
    if (at > size_ || size_ - at < count_bytes) return std::nullopt;
    const std::uint64_t count = number(at, static_cast<int>(count_bytes));
    const std::uint64_t room = size_ - at - count_bytes;
    if (count > room / entry_bytes || room - count * entry_bytes < link_bytes) return std::nullopt;
    tile_width_ = tile_length_ = 0;
    for (std::uint64_t i = 0; i < count; ++i) read_entry(at + count_bytes + i * entry_bytes);
    if (tile_width_ > 0 && tile_length_ > kMostTilePixels / tile_width_)
      claim_ =
          fmt::format("a TIFF directory claims tiles of {} x {} px", tile_width_, tile_length_);
    return number(at + count_bytes + count * entry_bytes, static_cast<int>(link_bytes));
  }

  void read_entry(std::uint64_t entry) {
    const std::uint64_t tag = number(entry, 2);
    const std::uint64_t type = number(entry + 2, 2);
    const std::uint64_t values = number(entry + 4, big_ ? 8 : 4);
    const std::uint64_t bytes = type_bytes(type);
    if (bytes > 0 && values > size_ / bytes)
      claim_ = fmt::format("TIFF tag {} claims {} values of {} bytes, but the file has {} bytes",
                           tag, values, bytes, size_);
    const std::uint64_t at = entry + (big_ ? 12 : 8);
    if (tag == kTagCompression) compression_ = number(at, 2);
    if (tag == kTagTileWidth) tile_width_ = number(at, type == kShort ? 2 : 4);
    if (tag == kTagTileLength) tile_length_ = number(at, type == kShort ? 2 : 4);
    tiled_ = tiled_ || tag == kTagTileWidth;
  }

  static constexpr std::uint64_t kShort = 3;

  std::ifstream file_;
  std::string claim_;  ///< what cannot be true
  std::uint64_t tile_width_ = 0, tile_length_ = 0;
  std::uint64_t size_;
  std::uint64_t first_ = 0;
  std::uint64_t compression_ = 0;
  bool tiled_ = false;
  bool little_ = true;
  bool big_ = false;
};

}  // namespace

void check_slide_file(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    fail(ErrorCode::kSlide, "cannot open {}: {}", path, errno_text(errno));
  }
  check(!S_ISDIR(status.st_mode), ErrorCode::kSlide, "{} is a folder, not a slide file", path);
  check(S_ISREG(status.st_mode), ErrorCode::kSlide, "{} is not a regular file", path);
  if (::access(path.c_str(), R_OK) != 0) {
    fail(ErrorCode::kSlide, "cannot read {}: {}", path, errno_text(errno));
  }
  check(status.st_size > 0, ErrorCode::kSlide, "{} is empty (0 bytes)", name);

  constexpr std::string_view kLfs = "version https://git-lfs";
  std::string head(kLfs.size(), '\0');
  std::ifstream(path, std::ios::binary)
      .read(head.data(), static_cast<std::streamsize>(head.size()));
  check(head != kLfs, ErrorCode::kSlide,
        "{} is a git-LFS pointer of {} bytes, not the slide itself; fetch it with `git lfs pull`",
        name, status.st_size);
}

bool has_companion_files(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array<std::string_view, 4> kSeveral = {".mrxs", ".vms", ".vmu", ".dcm"};
  return std::find(kSeveral.begin(), kSeveral.end(), extension) != kSeveral.end();
}

std::string why_impossible(const std::string& path) { return TiffSkeleton(path).impossible(); }

std::string why_not_recognised(const std::string& path) { return TiffSkeleton(path).verdict(); }

std::uint64_t first_tiff_compression(const std::string& path) {
  return TiffSkeleton(path).first_compression();
}

}  // namespace tilepool
