#include "common/run/format_check.h"

#include "common/base/error.h"

namespace tilepool {

void set_format(h5::File& file, const std::string& format, std::uint32_t version) {
  file.set_text("format", format);
  file.set("version", version);
}

void check_format(const h5::File& file, const std::string& format, std::uint32_t version) {
  check(file.has_attribute("format") && file.has_attribute("version"), ErrorCode::kHdf5,
        "{}: expected a {} file, but it does not say what it is", file.where(), format);
  const std::string actual = file.text("format");
  const auto number = file.get<std::uint32_t>("version");
  check(actual == format && number == version, ErrorCode::kHdf5,
        "{}: expected {} version {}, found {} version {}", file.where(), format, version, actual,
        number);
}

}  // namespace tilepool
