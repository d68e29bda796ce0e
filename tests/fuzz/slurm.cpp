#include "fuzz.h"
#include "submit/cluster.h"

using namespace tilepool;

// What Slurm's commands answer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::accepted([&] {
    for (const NodeGroup& group : parse_sinfo(text)) {
      fuzz::require(group.nodes >= 0 && group.cores >= 0 && group.gpus >= 0, "counts are counts");
      fuzz::require(group.time_limit_s.value_or(0) >= 0, "a time limit is a time");
    }
  });
  const std::string_view line = text.substr(0, text.find('\n'));
  constexpr std::int64_t kMostDays = 10000;
  if (const auto seconds = parse_slurm_time(line); seconds && *seconds < kMostDays * 86400)
    fuzz::require(parse_slurm_time(format_slurm_time(*seconds)) == seconds,
                  "a time comes back as it was written");
  if (const auto bytes = parse_slurm_memory(line)) {
    const auto again = parse_slurm_memory(format_slurm_memory(*bytes));
    fuzz::require(again && *again <= *bytes, "a memory size is not exceeded");
  }
  return 0;
}
