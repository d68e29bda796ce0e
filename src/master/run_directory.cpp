#include "master/run_directory.h"

#include <map>
#include <system_error>

#include "common/base/error.h"
#include "common/model/options_json.h"
#include "common/run/atomic_file.h"

namespace tilepool {
namespace {

void remove_run(const RunLayout& layout) {
  for (const auto& folder : {layout.scan_dir(), layout.ranges_dir(), layout.crashes_dir(),
                             layout.classified_dir(), layout.patches_dir()})
    std::filesystem::remove_all(folder);
  for (const auto& file :
       {layout.run_json(), layout.plan(), layout.calibration(), layout.results(), layout.ledger(),
        layout.status(), layout.events(), layout.report(), layout.packing_mark()})
    std::filesystem::remove(file);
}

void create_folders(const RunLayout& layout) {
  for (const auto& folder :
       {layout.root(), layout.scan_dir(), layout.ranges_dir(), layout.crashes_dir()}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    check(!error, ErrorCode::kIo,
          "cannot create the run directory {}: {}; choose another with --run-dir", folder.string(),
          error.message());
  }
  const auto probe = layout.root() / ".writable";
  write_file_atomically(probe, "");
  std::filesystem::remove(probe);
}

bool sample_grows(const SampleOptions& old, const SampleOptions& now) {
  if (old.count || now.count) return old.count && now.count && *now.count > *old.count;
  return now.fraction > old.fraction;
}

std::string describe(const SlideSpec& slide) {
  return fmt::format("group \"{}\", mpp {}", slide.group,
                     slide.mpp ? fmt::format("{}", *slide.mpp) : "from the slide");
}

std::vector<std::string> cohort_changes(const std::vector<SlideSpec>& old,
                                        const std::vector<SlideSpec>& now) {
  std::map<std::string, const SlideSpec*> before;
  for (const SlideSpec& slide : old) before.emplace(slide.id, &slide);
  std::vector<std::string> changes;
  for (const SlideSpec& slide : now) {
    const auto found = before.find(slide.id);
    if (found == before.end()) {
      changes.push_back(fmt::format("/slides: {} was added", slide.id));
      continue;
    }
    if (describe(slide) != describe(*found->second))
      changes.push_back(
          fmt::format("/slides/{}: {} -> {}", slide.id, describe(*found->second), describe(slide)));
    before.erase(found);
  }
  for (const auto& [id, slide] : before) changes.push_back(fmt::format("/slides: {} is gone", id));
  return changes;
}

void compare_with_earlier(const RunLayout& layout, const RunDescription& run) {
  const RunDescription earlier = read_run_json(layout.run_json());
  const std::string before = result_identity_json(earlier.options, true);
  const std::string now = result_identity_json(run.options, true);
  std::vector<std::string> changes = cohort_changes(earlier.cohort, run.cohort);
  const bool grows = differs_only_in_sample_size(before, now) &&
                     sample_grows(earlier.options.sample, run.options.sample);
  if (before != now && !grows)
    for (const std::string& key : differing_keys(before, now)) changes.push_back(key);
  if (changes.empty()) return;
  std::string list;
  for (std::size_t i = 0; i < changes.size() && i < 20; ++i) list += "\n  " + changes[i];
  if (changes.size() > 20) list += fmt::format("\n  and {} more", changes.size() - 20);
  fail(ErrorCode::kConfig,
       "{} holds a run of another job; continuing it would mix results. What differs:{}\nUse "
       "another --run-dir, undo the change, or give --fresh to remove the earlier run. (Only a "
       "larger sample.fraction or sample.count continues a run.)",
       layout.root().string(), list);
}

}  // namespace

void create_run_directory(const RunLayout& layout) { create_folders(layout); }

void prepare_run_directory(const RunLayout& layout, const RunDescription& run, bool fresh) {
  if (fresh) remove_run(layout);
  if (fresh) create_folders(layout);
  for (const auto& folder : {layout.root(), layout.scan_dir(), layout.ranges_dir()})
    remove_temporaries(folder);  // of a run that was killed
  if (std::filesystem::exists(layout.run_json())) return compare_with_earlier(layout, run);
  for (const auto& file : {layout.results(), layout.plan()})
    check(!std::filesystem::exists(file), ErrorCode::kConfig,
          "{} exists, but the directory has no run.json that tells what made it; move it away, use "
          "another --run-dir, or give --fresh to remove it",
          file.string());
}

}  // namespace tilepool
