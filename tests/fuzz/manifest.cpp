#include "master/manifest.h"

#include "common/base/text.h"
#include "fuzz.h"

using namespace tilepool;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accepted([&] {
    std::vector<std::string> warnings;
    const auto rows = parse_manifest(fuzz::text_of(data, size), "slides.csv", warnings);
    std::size_t line = 0;
    for (const ManifestRow& row : rows) {
      fuzz::require(row.line > line, "rows come in the order of their lines");
      line = row.line;
      const SlideEntry& entry = row.entry;
      fuzz::require(!entry.path.empty() && entry.id.size() <= 255, "a row names a slide");
      for (const std::string& text : {entry.path, entry.id, entry.group})
        fuzz::require(is_utf8(text) && !has_control_character(text), "texts are printable");
      fuzz::require(!entry.mpp || (*entry.mpp >= 0.05 && *entry.mpp <= 20), "mpp is plausible");
    }
  });
  return 0;
}
