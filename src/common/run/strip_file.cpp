#include "common/run/strip_file.h"

#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <span>
#include <system_error>

#include <nlohmann/json.hpp>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/run/atomic_file.h"
#include "common/run/checksum.h"
#include "common/run/json_integer.h"

namespace tilepool {
namespace {

using Json = nlohmann::json;

constexpr char kFormat[] = "tilepool-strip";
constexpr std::size_t kMaxHeadBytes = std::size_t{1} << 16;
constexpr std::size_t kChecksumBytes = 8;

std::size_t bytes_of(ConstRgbView pixels) {
  check(pixels.stride == 3 * pixels.width, ErrorCode::kInternal, "a strip has gaps");
  return checked_cast<std::size_t>(checked_mul(pixels.stride, pixels.height));
}

Json head_of(const StripId& id) {
  return {{"format", kFormat},
          {"version", 1},
          {"fingerprint", id.fingerprint},
          {"index", id.index},
          {"count", id.count}};
}

std::array<char, kChecksumBytes> checksum_of(std::string_view head, std::string_view pixels) {
  static_assert(std::endian::native == std::endian::little);
  Checksum checksum;
  checksum.add(std::as_bytes(std::span(head)));
  checksum.add(std::as_bytes(std::span(pixels)));
  return std::bit_cast<std::array<char, kChecksumBytes>>(checksum.value());
}

void write_parts(const std::filesystem::path& file, const Json& json, std::string_view pixels) {
  const std::string head = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  check(head.size() < kMaxHeadBytes, ErrorCode::kInternal, "the head of {} is {} bytes long",
        file.string(), head.size());
  const auto checksum = checksum_of(head, pixels);
  write_file_atomically(file, {head, pixels, {checksum.data(), checksum.size()}});
}

/// The head line with its end; empty when there is none.
std::string read_head(std::ifstream& stream) {
  std::string line(kMaxHeadBytes, '\0');
  stream.getline(line.data(), static_cast<std::streamsize>(line.size()));
  if (!stream || stream.eof()) return {};
  line.resize(static_cast<std::size_t>(stream.gcount()));
  line.back() = '\n';
  return line;
}

StripDamage damage_of(const Json& head) {
  StripDamage damage;
  damage.reason = head.at("reason").get<std::string>();
  for (const Json& part : head.at("damaged"))
    damage.parts.push_back(
        {integer_of<std::int64_t>(part.at(0)), integer_of<std::int64_t>(part.at(1)),
         integer_of<std::int64_t>(part.at(2)), integer_of<std::int64_t>(part.at(3))});
  return damage;
}

}  // namespace

void write_strip(const std::filesystem::path& file, const StripId& id, const StripDamage& damage,
                 ConstRgbView pixels) {
  Json head = head_of(id);
  head["width"] = pixels.width;
  head["rows"] = pixels.height;
  head["reason"] = damage.reason;
  head["damaged"] = Json::array();
  for (const Rect& part : damage.parts) head["damaged"].push_back({part.x, part.y, part.w, part.h});
  write_parts(file, head, {reinterpret_cast<const char*>(pixels.data), bytes_of(pixels)});
}

void write_given_up_strip(const std::filesystem::path& file, const StripId& id,
                          const std::string& reason) {
  Json head = head_of(id);
  head["given_up"] = reason;
  write_parts(file, head, {});
}

std::optional<StripDamage> read_strip(const std::filesystem::path& file, const StripId& id,
                                      RgbView out) {
  std::ifstream stream(file, std::ios::binary);
  const std::string head = stream ? read_head(stream) : std::string();
  const Json json = Json::parse(head, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    if (json.at("format") != kFormat || json.at("version") != 1) return std::nullopt;
    const StripId found{json.at("fingerprint").get<std::string>(),
                        integer_of<std::int64_t>(json.at("index")),
                        integer_of<std::int64_t>(json.at("count"))};
    const bool given_up = json.contains("given_up");
    if (found != id) return std::nullopt;
    if (!given_up && (json.at("width") != out.width || json.at("rows") != out.height))
      return std::nullopt;
    const std::size_t size = given_up ? 0 : bytes_of(out);
    std::array<char, kChecksumBytes + 1> end{};  // one more, so that a longer file shows
    stream.read(reinterpret_cast<char*>(out.data), static_cast<std::streamsize>(size));
    stream.read(end.data(), static_cast<std::streamsize>(end.size()));
    const auto checksum = checksum_of(head, {reinterpret_cast<const char*>(out.data), size});
    if (stream.gcount() != static_cast<std::streamsize>(kChecksumBytes) ||
        std::memcmp(end.data(), checksum.data(), checksum.size()) != 0)
      return std::nullopt;
    if (!given_up) return damage_of(json);
    std::memset(out.data, 255, bytes_of(out));
    return StripDamage{{{0, 0, out.width, out.height}}, json.at("given_up").get<std::string>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

void remove_strips(const std::filesystem::path& scan_dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(scan_dir, error))
    if (entry.path().extension().string().starts_with(".strip-"))
      std::filesystem::remove(entry.path(), error);
}

}  // namespace tilepool
