#include <array>
#include <vector>

#include "common/run/checksum.h"
#include "common/run/strip_file.h"
#include "fuzz.h"

using namespace tilepool;

// A strip file; where the first byte is 'c' its checksum is made right.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  if (size == 0) return 0;
  std::string bytes(fuzz::text_of(data + 1, size - 1));
  if (data[0] == 'c') {
    Checksum checksum;
    checksum.add(std::as_bytes(std::span(bytes)));
    const std::uint64_t value = checksum.value();
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  const auto file = folder.write("strip", bytes);
  std::vector<std::uint8_t> pixels(4 * 3 * 3);
  const RgbView out{pixels.data(), 4, 3, 12};
  fuzz::accepted([&] { (void)read_strip(file, {"fingerprint", 1, 3}, out); });
  return 0;
}
