#include "common/slide/fingerprint.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kBlockBytes = std::uint64_t{64} * 1024;
constexpr std::uint64_t kBlocks = 16;

/// Bytes [offset, offset + count) of an open file.
void append_block(std::ifstream& file, std::uint64_t offset, std::uint64_t count,
                  const std::string& path, std::string& bytes) {
  const std::size_t before = bytes.size();
  bytes.resize(before + count);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data() + before, static_cast<std::streamsize>(count));
  check(file.good(), ErrorCode::kSlide, "cannot read {} bytes at {} of {}", count, offset, path);
}

std::string sampled_bytes(const std::string& path, std::uint64_t size) {
  std::ifstream file(path, std::ios::binary);
  check(file.good(), ErrorCode::kSlide, "cannot open {} for its fingerprint", path);
  std::string bytes;
  if (size <= kBlockBytes * kBlocks) {
    append_block(file, 0, size, path, bytes);
    return bytes;
  }
  const std::uint64_t step = (size - kBlockBytes) / (kBlocks - 1);
  for (std::uint64_t block = 0; block < kBlocks; ++block) {
    const bool last = block + 1 == kBlocks;
    append_block(file, last ? size - kBlockBytes : block * step, kBlockBytes, path, bytes);
  }
  return bytes;
}

/// "name size" of each file in the folder, sorted by name.
std::string folder_listing(const fs::path& folder) {
  std::vector<std::pair<std::string, std::uint64_t>> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files.emplace_back(entry.path().filename().string(), entry.file_size());
    }
  }
  std::sort(files.begin(), files.end());
  std::string text;
  for (const auto& [name, size] : files) text += fmt::format("{} {}\n", name, size);
  return text;
}

}  // namespace

std::string slide_fingerprint(const std::string& path) {
  try {
    const std::uint64_t size = fs::file_size(path);
    std::string bytes = fmt::format("{}\n", size) + sampled_bytes(path, size);
    const fs::path companion = fs::path(path).replace_extension();
    if (fs::path(path).extension() == ".mrxs" && fs::is_directory(companion)) {
      bytes += folder_listing(companion);
    }
    return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
  } catch (const fs::filesystem_error& error) {
    fail(ErrorCode::kSlide, "cannot read {}: {}", path, error.code().message());
  }
}

}  // namespace tilepool
