#include <vector>

#include "common/model/options_json.h"
#include "fuzz.h"

using namespace tilepool;

// The configuration's text; behind each zero byte one --set.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  std::string_view input = fuzz::text_of(data, size);
  const std::string_view text = input.substr(0, input.find('\0'));
  input.remove_prefix(text.size());
  std::vector<std::string> sets;
  while (!input.empty()) {
    input.remove_prefix(1);
    sets.emplace_back(input.substr(0, input.find('\0')));
    input.remove_prefix(sets.back().size());
  }
  fuzz::accepted([&] {
    const Options options = sets.empty()
                                ? options_from_json(text)
                                : load_config(folder.write("config.json", text), sets).options;
    const std::string written = options_to_json(options);
    const Options again = options_from_json(written);
    fuzz::require(options_to_json(again) == written, "what was read can be written and read back");
    fuzz::require(
        differing_keys(result_identity_json(options, true), result_identity_json(again, true))
            .empty(),
        "equal options have equal identities");
  });
  return 0;
}
