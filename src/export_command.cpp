#include "export_command.h"

#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/log.h"
#include "common/base/units.h"
#include "export/export.h"
#include "stop_signal.h"

namespace tilepool {
namespace {

std::string outcome_json(const ExportOutcome& outcome, double seconds) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const ExportedFile& file : outcome.files)
    files.push_back({{"format", file.format},
                     {"slide", file.slide},
                     {"path", file.path.string()},
                     {"rows", file.rows}});
  nlohmann::ordered_json left_out = nlohmann::ordered_json::array();
  for (const SlideLeftOut& slide : outcome.left_out)
    left_out.push_back(
        {{"format", slide.format}, {"slide", slide.slide}, {"reason", slide.reason}});
  const nlohmann::ordered_json whole = {
      {"files", files}, {"left_out", left_out}, {"seconds", seconds}};
  return whole.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

int export_command(const CommandLine& command) {
  ExportRequest request;
  request.run_dir = command.run_dir;
  request.out = command.out;
  request.formats = parse_formats(command.format);
  request.tiles = parse_tile_choice(command.tiles);
  request.review = {command.crop_px, command.max_cells};
  note_stop_signals();
  const auto begin = std::chrono::steady_clock::now();
  const ExportOutcome outcome = export_run(request, stop_signalled);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (command.json) {
    fmt::print("{}", outcome_json(outcome, seconds));
  } else {
    for (const ExportedFile& file : outcome.files) fmt::print("{}\n", file.path.string());
  }
  log_info("{} files in {}, {}", outcome.files.size(), command.out.string(),
           format_duration(seconds));
  return 0;
}

}  // namespace tilepool
