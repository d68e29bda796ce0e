#include "export/export.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/run/atomic_file.h"
#include "common/run/layout.h"
#include "common/run/temporary_folder.h"
#include "export/file_names.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

void check_cells(const ResultsReader& results, const ExportRequest& request) {
  if (results.has_cells()) return;
  for (const ExportFormat* format : request.formats)
    check(!format->needs_cells, ErrorCode::kNoInput,
          "--format {}: the run {} has no cells, as its task yields none; clam and trident export "
          "its tiles",
          format->name, request.run_dir.string());
}

/// A slide may be called as a file of the run is.
void check_out(const ExportRequest& request) {
  const RunLayout layout(request.run_dir);
  for (const fs::path& own : {layout.root(), layout.scan_dir(), layout.ranges_dir()}) {
    std::error_code not_there;
    check(!fs::equivalent(own, request.out, not_there), ErrorCode::kUsage,
          "--out {} holds the run's own files, which an export might replace; name another folder",
          request.out.string());
  }
}

/// What somebody put into the folder, labels perhaps, is not lost.
void check_replaceable(const ExportFormat& format, const fs::path& folder) {
  if (!fs::exists(folder)) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    check(std::ranges::find(format.folder_parts, name) != format.folder_parts.end(),
          ErrorCode::kUsage,
          "--format {}: {} would be replaced, but holds {}, which is not of tilepool; move it away "
          "or name another --out",
          format.name, folder.string(), printable_utf8(name));
  }
}

class Exporter {
 public:
  Exporter(const ExportRequest& request, const ResultsReader& results, ExportWatch& watch)
      : request_(request),
        scores_(results, RunLayout(request.run_dir).classified_dir()),
        job_{results, scores_, request.tiles, request.review, request.run_dir, watch} {
    std::vector<std::string> reserved;
    for (const ExportFormat* format : request.formats)
      if (!format->cohort_file.empty()) reserved.emplace_back(fs::path(format->cohort_file).stem());
    stems_ = export_stems(results.slides(), reserved);
  }

  ExportOutcome run() {
    for (const ResultsSlide& slide : job_.results.slides())
      if (slide.status != "success")
        leave_out("", slide.id, fmt::format("{}: {}", slide.status, slide.reason));
    for (const ExportFormat* format : request_.formats) {
      job_.watch.begin(std::string(format->name), rows_of(*format));
      if (format->write_slide != nullptr) export_slides(*format);
      if (format->write_cohort != nullptr)
        commit(*format, "", std::string(format->cohort_file),
               [&](const fs::path& path) { return format->write_cohort(job_, path); });
      if (format->write_folder != nullptr) export_folder(*format);
    }
    return std::move(outcome_);
  }

 private:
  /// For the progress only.
  [[nodiscard]] std::uint64_t rows_of(const ExportFormat& format) const {
    if (format.needs_cells) return job_.results.n_cells();
    return job_.tiles == TileChoice::kPool ? job_.results.n_pool() : job_.results.n_sample();
  }

  void export_slides(const ExportFormat& format) {
    const std::vector<ResultsSlide>& slides = job_.results.slides();
    for (std::size_t i = 0; i < slides.size(); ++i) {
      if (slides[i].status != "success") continue;
      const std::string_view why = format.why_not == nullptr ? "" : format.why_not(slides[i]);
      if (!why.empty()) {
        leave_out(format.name, slides[i].id, std::string(why));
        continue;
      }
      commit(format, slides[i].id, stems_[i] + std::string(format.suffix),
             [&](const fs::path& path) { return format.write_slide(job_, slides[i], path); });
    }
  }

  void export_folder(const ExportFormat& format) {
    const fs::path folder = fs::absolute(request_.out) / format.cohort_folder;
    check_replaceable(format, folder);
    const TemporaryFolder temporary(folder);
    FolderWritten written = format.write_folder(job_, temporary.path());
    std::error_code problem;
    fs::remove_all(folder, problem);
    if (!problem) fs::rename(temporary.path(), folder, problem);
    check(!problem, ErrorCode::kIo, "cannot put {} in its place: {}", folder.string(),
          problem.message());
    for (SlideLeftOut& slide : written.left_out)
      leave_out(format.name, slide.slide, std::move(slide.reason));
    outcome_.files.push_back({std::string(format.name), "", folder / "index.html", written.rows});
  }

  template <class Write>
  void commit(const ExportFormat& format, const std::string& slide, const std::string& name,
              Write write) {
    AtomicFile file(fs::absolute(request_.out) / name);
    const std::uint64_t rows = write(file.temp());
    file.commit();
    outcome_.files.push_back({std::string(format.name), slide, file.final_path(), rows});
  }

  void leave_out(std::string_view format, const std::string& slide, std::string reason) {
    log_warning("{}slide {} is left out: {}", format.empty() ? "" : fmt::format("{}: ", format),
                slide, reason);
    outcome_.left_out.push_back({std::string(format), slide, std::move(reason)});
  }

  const ExportRequest& request_;
  CellScores scores_;
  ExportJob job_;
  std::vector<std::string> stems_;  ///< of each slide
  ExportOutcome outcome_;
};

}  // namespace

ExportOutcome export_run(const ExportRequest& request, std::function<bool()> stopped) {
  check(fs::is_directory(request.run_dir), ErrorCode::kNoInput, "{} is no run directory",
        request.run_dir.string());
  check_out(request);
  const ResultsReader results(RunLayout(request.run_dir).results());
  check_cells(results, request);
  ExportWatch watch(std::move(stopped));
  return Exporter(request, results, watch).run();
}

}  // namespace tilepool
