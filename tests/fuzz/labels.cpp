#include <array>

#include "common/base/text.h"
#include "fuzz.h"
#include "labels/votes.h"

using namespace tilepool;

// A label file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accepted([&] {
    const std::array files = {parse_labels(fuzz::text_of(data, size), "labels.json")};
    fuzz::require(!files[0].labels.empty(), "what was read holds labels");
    for (const auto& [uid, label] : files[0].labels)
      fuzz::require(parse_uid(uid_text(uid)) == uid, "a uid that was read can be written and read");
    const Verdicts verdicts = decide(annotators_of(files));
    fuzz::require(verdicts.n_yes + verdicts.n_no + verdicts.n_unsure == files[0].labels.size() &&
                      verdicts.n_tied == 0,
                  "one annotator decides every cell or is unsure");
  });
  return 0;
}
