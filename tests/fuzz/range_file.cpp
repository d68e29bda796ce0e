#include "example_range.h"
#include "fuzz.h"

using namespace tilepool;

// Arbitrary bytes under the name of a range file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  const auto file = folder.write("range.h5", fuzz::text_of(data, size));
  fuzz::accepted([&] { fuzz::read_whole_range(file); });
  fuzz::require_all_closed();
  return 0;
}
