#include "common/annotation/annotations.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

#include <xxhash.h>

#include "common/annotation/region_sink.h"
#include "common/base/error.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

constexpr std::string_view kLfsPointer = "version https://git-lfs";
constexpr std::string_view kKnown =
    "expected XML of ImageScope, HALO, ASAP or NDP.view, GeoJSON, or the JSON of CAMELYON";

std::string read_text(const std::string& path) {
  const std::size_t size = annotations_file_bytes(path);
  std::ifstream stream(path, std::ios::binary);
  check(stream.is_open(), ErrorCode::kSlide, "{}: cannot be read: {}", path, errno_text(errno));
  std::string text(size, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(size));
  check(stream.gcount() == static_cast<std::streamsize>(size), ErrorCode::kSlide,
        "{}: reading stopped at byte {} of {}", path, stream.gcount(), size);
  return text;
}

}  // namespace

std::size_t annotations_file_bytes(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  check(status.type() != std::filesystem::file_type::not_found, ErrorCode::kNoInput,
        "{}: no such file", path);
  check(status.type() == std::filesystem::file_type::regular, ErrorCode::kSlide,
        "{}: is no regular file", path);
  const auto size = std::filesystem::file_size(path, error);
  check(!error, ErrorCode::kSlide, "{}: cannot be looked at: {}", path, error.message());
  check(size <= kMaxAnnotationBytes, ErrorCode::kSlide,
        "{}: has {} bytes; at most {} are read. Are these all cells of a slide? Export the drawn "
        "regions only",
        path, size, kMaxAnnotationBytes);
  return size;
}

Annotations read_annotations(const std::string& path, const std::optional<SlideInfo>& slide) {
  return parse_annotations(read_text(path), path, slide);
}

Annotations parse_annotations(std::string_view text, const std::string& name,
                              const std::optional<SlideInfo>& slide) {
  check(text.size() <= kMaxAnnotationBytes, ErrorCode::kSlide, "{}: has more than {} bytes", name,
        kMaxAnnotationBytes);
  std::string_view body = text;
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  body.remove_prefix(std::min(body.size(), body.find_first_not_of(" \t\r\n")));
  check(!body.empty(), ErrorCode::kSlide, "{}: is empty; {}", name, kKnown);
  check(!body.starts_with(kLfsPointer), ErrorCode::kSlide,
        "{}: is a git-LFS pointer; fetch the file itself with git lfs pull", name);
  if (body.front() == '{' || body.front() == '[') return parse_json_annotations(body, name);
  // UTF-16 and UTF-32 begin with a byte order mark or with a zero beside the first <.
  const bool wide = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") ||
                    text.substr(0, 4).find('\0') != std::string_view::npos;
  check(body.front() == '<' || wide, ErrorCode::kSlide,
        "{}: is neither XML nor JSON, it begins with \"{}\"; {}", name,
        printable_utf8(body.substr(0, 16)), kKnown);
  return parse_xml_annotations(wide ? text : body, name, slide);
}

std::string annotations_print(const std::string& path) {
  const std::string text = read_text(path);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::size_t annotations_bytes(std::size_t file_bytes) { return 32 * file_bytes + (1U << 20); }

std::vector<std::string> region_names(const Annotations& annotations) {
  std::set<std::string> names;
  for (const Region& region : annotations.regions)
    for (const std::string& name : {region.group, region.name})
      if (!name.empty()) names.insert(name);
  return {names.begin(), names.end()};
}

}  // namespace tilepool
