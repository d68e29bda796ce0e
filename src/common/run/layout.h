#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace tilepool {

/// <readable part of the id>-<16 hex digits of its hash>: a file name for what is a slide's.
[[nodiscard]] std::string slide_stem(std::string_view slide_id);
/// Whether a character of an id stands as it is in slide_stem(): ASCII letters, digits and -_.
[[nodiscard]] bool is_plain_in_stem(char c);

/// Where everything of a run lies. Plain paths; touches no file.
class RunLayout {
 public:
  explicit RunLayout(std::filesystem::path root) : root_(std::move(root)) {}
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] std::filesystem::path run_json() const { return root_ / "run.json"; }
  [[nodiscard]] std::filesystem::path scan_dir() const { return root_ / "scan"; }
  [[nodiscard]] std::filesystem::path plan() const { return root_ / "plan.h5"; }
  [[nodiscard]] std::filesystem::path calibration() const { return root_ / "calibration.h5"; }
  [[nodiscard]] std::filesystem::path ranges_dir() const { return root_ / "ranges"; }
  [[nodiscard]] std::filesystem::path results() const { return root_ / "results.h5"; }
  [[nodiscard]] std::filesystem::path ledger() const { return root_ / "slides.csv"; }
  [[nodiscard]] std::filesystem::path status() const { return root_ / "status.json"; }
  [[nodiscard]] std::filesystem::path events() const { return root_ / "events.jsonl"; }
  [[nodiscard]] std::filesystem::path lock() const { return root_ / "run.lock"; }
  /// Notes that crashed processes left: one line each, common/base/crash_note.h.
  [[nodiscard]] std::filesystem::path crashes_dir() const { return root_ / "crashes"; }
  /// There while ranks pack together: found at start, the last collective packing did not end.
  [[nodiscard]] std::filesystem::path packing_mark() const { return root_ / ".packing"; }
  [[nodiscard]] std::filesystem::path report() const { return root_ / "report.html"; }

  [[nodiscard]] std::filesystem::path patches_dir() const { return root_ / "patches"; }
  /// patches/<slide_stem>.npy
  [[nodiscard]] std::filesystem::path patch_array(std::string_view slide_id) const;
  /// patches/<slide_stem>/
  [[nodiscard]] std::filesystem::path patch_images(std::string_view slide_id) const;
  /// patches/.raw/<slide_stem>.npy, common/run/patch_slots.h.
  [[nodiscard]] std::filesystem::path raw_patches(std::string_view slide_id) const;
  [[nodiscard]] std::filesystem::path classified_dir() const { return root_ / "classified"; }
  /// classified/<class>.h5; a class whose name cannot stand in a file name, by its slide_stem.
  [[nodiscard]] std::filesystem::path classified_file(std::string_view class_name) const;
  /// scan/<slide_stem>.h5
  [[nodiscard]] std::filesystem::path scan_file(std::string_view slide_id) const;
  /// scan/<same stem>.strip-<index>
  [[nodiscard]] std::filesystem::path scan_strip(std::string_view slide_id,
                                                 std::uint64_t index) const;
  /// scan/<same stem>.calibration.json
  [[nodiscard]] std::filesystem::path slide_calibration(std::string_view slide_id) const;
  /// ranges/<generation>-<first>-<last>.h5, zero-padded; `last` is the last index, inclusive.
  [[nodiscard]] std::filesystem::path range_file(std::uint32_t generation, std::uint64_t first,
                                                 std::uint64_t last) const;

 private:
  std::filesystem::path root_;
};

}  // namespace tilepool
