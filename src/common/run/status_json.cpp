#include "common/run/status_json.h"

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/run/atomic_file.h"
#include "common/run/json_integer.h"

namespace tilepool {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RankStatus, rank, role, host, device, gpu_uuid, pid, threads,
                                   budget_bytes, rss_bytes, peak_rss_bytes, tiles, pixels_read,
                                   read_s, compute_s, commit_s, wait_read_s, wait_commit_s,
                                   wait_lease_s, device_busy_s, device_budget_bytes,
                                   device_peak_bytes, staged_slides, staged_bytes, alive, silent_s)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunStatus, state, exit_code, message, run_uuid, job_id, started,
                                   updated, slides, slides_scanned, slides_failed, slides_skipped,
                                   grid, pool, sample, tiles_done, tiles_failed, cells,
                                   tiles_resumed, elapsed_s, processing_s, tiles_per_s, eta_s,
                                   ranks)

namespace {

/// Integers stand where `pattern` has integers.
void check_integers(const Json& pattern, const Json& actual) {
  for (const auto& [key, value] : pattern.items())
    if (value.is_number_unsigned())
      (void)integer_of<std::uint64_t>(actual.at(key));
    else if (value.is_number_integer())
      (void)integer_of<std::int64_t>(actual.at(key));
}

RunStatus parse_status(const std::string& text) {
  const Json json = Json::parse(text);
  check_integers(RunStatus{}, json);
  for (const Json& rank : json.at("ranks")) check_integers(RankStatus{}, rank);
  return json.get<RunStatus>();
}

}  // namespace

std::string status_to_json(const RunStatus& status) {
  return Json(status).dump(2, ' ', false, Json::error_handler_t::replace);
}

void write_status(const std::filesystem::path& file, const RunStatus& status) {
  write_file_atomically(file, status_to_json(status) + "\n");
}

RunStatus read_status(const std::filesystem::path& file) {
  try {
    return parse_status(read_file(file));
  } catch (const Json::exception& error) {
    fail(ErrorCode::kIo, "{} is no status of a run: {}", file.string(), one_line(error.what()));
  }
}

}  // namespace tilepool
