#include <cmath>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/small_image.h"
#include "common/base/units.h"
#include "common/run/layout.h"
#include "common/run/scan_file.h"
#include "export/cell_blocks.h"
#include "export/export_job.h"
#include "export/out_file.h"
#include "export/review_cells.h"
#include "export/review_data.h"
#include "export/review_page.h"
#include "export/review_sheets.h"
#include "export/webp.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// Of the picture that shows a cell's place on its slide.
constexpr std::int64_t kContextEdge_px = 256;
constexpr float kContextQuality = 70;
/// A scan's picture at 8 um/px: 200,000 x 200,000 px at 0.25 um/px take 117 MB.
constexpr std::size_t kScanBytes = std::size_t{512} << 20;
constexpr const char* kAreaFeature = "area_um2";

std::uint64_t write_text(const fs::path& path, std::string_view text) {
  OutFile file(path, OutFile::Form::kPlain);
  file.write(text);
  file.close();
  return text.size();
}

class Review {
 public:
  Review(const ExportJob& job, fs::path folder)
      : job_(job), folder_(std::move(folder)), slides_(job.results.slides().size()) {
    for (const char* part : {"sheets", "contours", "slides"})
      fs::create_directories(folder_ / part);
  }

  FolderWritten run() {
    collect_cells();
    job_.watch.begin("review", cells_.size());
    for (std::size_t i = 0; i < slides_.size(); ++i) cut(i);
    bytes_ += write_text(folder_ / "cells.js",
                         cells_script({job_.results, cells_, slides_, job_.review.crop_px}));
    bytes_ += write_text(folder_ / "index.html", review_page());
    log_info("review: {} cells, {} sheets, {} in all", cells_.size(), n_sheets_,
             format_bytes(bytes_));
    return {cells_.size(), std::move(left_out_)};
  }

 private:
  void collect_cells() {
    const CellChoice choice(job_.results, job_.review.max_cells);
    ContourFiles contours(folder_ / "contours", job_.review.crop_px);
    for (const ResultsSlide& slide : job_.results.slides()) {
      for (CellBlocks blocks(job_.results, job_.scores, slide, CellBlocks::Contours::kRead);
           blocks.next();) {
        for (std::size_t i = 0; i < blocks.block().size(); ++i) {
          if (!choice.takes(blocks.block().uid[i])) continue;
          add(blocks.block(), i);
          contours.add(blocks.block(), i);
        }
        job_.watch.advance(0);
      }
      cells_.slide_end.push_back(cells_.size());
    }
    cells_.picture.assign(cells_.size(), 0);
    bytes_ += contours.close();
    if (cells_.size() < job_.results.n_cells())
      log_warning(
          "review: {} of the run's {} cells, chosen at random; --max-cells takes more of them",
          cells_.size(), job_.results.n_cells());
  }

  void add(const CellBlock& block, std::size_t i) {
    cells_.uid.push_back(block.uid[i]);
    cells_.class_index.push_back(block.class_index[i]);
    cells_.x.push_back(block.x[i]);
    cells_.y.push_back(block.y[i]);
    if (!block.score.empty()) cells_.score.push_back(block.score[i]);
    const auto& features = job_.results.cell_features();
    for (std::size_t f = 0; f < features.size(); ++f)
      if (features[f].name == kAreaFeature) cells_.area.push_back(block.features[f][i]);
  }

  void cut(std::size_t index) {
    const std::size_t begin = cells_.slide_begin(index);
    const std::size_t n = cells_.slide_end[index] - begin;
    slides_[index].first_sheet = n_sheets_;
    if (n == 0) return;
    const ResultsSlide& slide = job_.results.slides()[index];
    const SheetJob sheets{.slide = slide,
                          .x = std::span(cells_.x).subspan(begin, n),
                          .y = std::span(cells_.y).subspan(begin, n),
                          .crop_px = job_.review.crop_px,
                          .folder = folder_ / "sheets",
                          .first_sheet = n_sheets_,
                          .picture = std::span(cells_.picture).subspan(begin, n)};
    const SheetsWritten written = write_sheets(sheets, job_.watch);
    n_sheets_ += (n + kSheetCells - 1) / kSheetCells;
    bytes_ += written.bytes;
    if (!written.problem.empty()) {
      slides_[index].problem = written.problem;
      left_out_.push_back({"review", slide.id, "crops: " + written.problem});
    }
    try_context(index);
  }

  /// A scan that is not there any more, or damaged, costs only this picture.
  void try_context(std::size_t index) {
    const fs::path file = RunLayout(job_.run_dir).scan_file(job_.results.slides()[index].id);
    if (!fs::exists(file)) return;
    try {
      write_context(index, file);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kHdf5 && error.code() != ErrorCode::kBudget) throw;
      log_warning("review: no overview of slide {}: {}", job_.results.slides()[index].id,
                  one_line(error.what()));
    }
  }

  void write_context(std::size_t index, const fs::path& file) {
    Budget budget(kScanBytes);
    const SlideScan scan = read_scan(file, {.rgb = true}, budget);
    const TissueMap& map = scan.tissue;
    if (map.rgb.size() == 0) return;
    const SmallImage image =
        shrink({map.rgb.data(), map.width, map.height, 3 * map.width}, kContextEdge_px);
    bytes_ += write_text(folder_ / "slides" / fmt::format("{}.webp", index),
                         encode_webp({image.rgb.data(), image.width, image.height, 3 * image.width},
                                     kContextQuality));
    slides_[index].has_context = true;
  }

  const ExportJob& job_;
  fs::path folder_;
  ReviewCells cells_;
  std::vector<ReviewSlide> slides_;
  std::size_t n_sheets_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<SlideLeftOut> left_out_;
};

}  // namespace

FolderWritten write_review(const ExportJob& job, const fs::path& folder) {
  return Review(job, folder).run();
}

}  // namespace tilepool
