#include <algorithm>
#include <cmath>

#include "common/base/error.h"
#include "common/base/text.h"
#include "export/cell_blocks.h"
#include "export/export_job.h"
#include "export/out_file.h"
#include "export/text_forms.h"

namespace tilepool {
namespace {

/// Lines of a CSV file, field by field. What is not known (NaN) is an empty field.
class CsvLines {
 public:
  explicit CsvLines(const std::filesystem::path& path) : file_(path, OutFile::Form::kPlain) {}

  CsvLines& text(std::string_view field) {
    comma();
    append_csv_field(line_, field);
    return *this;
  }
  template <class T>
  CsvLines& number(T value) {
    comma();
    if constexpr (std::is_integral_v<T>) {
      line_ += std::to_string(value);
    } else if (std::isfinite(value)) {
      append_number(line_, value);
    } else if (!std::isnan(value)) {
      line_ += value > 0 ? "inf" : "-inf";
    }
    return *this;
  }
  void end_line() {
    line_ += "\r\n";
    file_.write(line_);
    line_.clear();
    first_ = true;
  }
  void close() { file_.close(); }

 private:
  void comma() {
    if (!first_) line_ += ',';
    first_ = false;
  }
  OutFile file_;
  std::string line_;
  bool first_ = true;
};

void write_cells(CsvLines& lines, const ResultsReader& results, const ResultsSlide& slide,
                 const CellBlock& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    lines.text(uid_text(cells.uid[i]))
        .text(results.classes()[cells.class_index[i]])
        .number(cells.x[i])
        .number(cells.y[i])
        .number(cells.x[i] * slide.mpp_x)
        .number(cells.y[i] * slide.mpp_y);
    for (const std::vector<float>& feature : cells.features) lines.number(feature[i]);
    if (!cells.score.empty()) lines.number(cells.score[i]).text(decision_word(cells.decision[i]));
    lines.end_line();
  }
}

/// Tissue of the tiles that were sampled and done, mm2; NaN where the slide's mpp is not known.
double sampled_tissue_mm2(const ResultsReader& results, const ResultsSlide& slide) {
  constexpr double kMm2PerUm2 = 1e-6;
  const auto n_pool = static_cast<std::uint64_t>(slide.n_pool);
  const auto n_sample = static_cast<std::uint64_t>(slide.n_sample);
  const auto width = results.rows<std::int32_t>("pool/w", slide.pool_first, n_pool);
  const auto height = results.rows<std::int32_t>("pool/h", slide.pool_first, n_pool);
  const auto tissue = results.rows<float>("pool/tissue_fraction", slide.pool_first, n_pool);
  const auto tiles = results.rows<std::uint64_t>("sample/pool", slide.sample_first, n_sample);
  const auto status = results.rows<std::uint8_t>("sample/status", slide.sample_first, n_sample);
  double area_px = 0;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    if (static_cast<TileStatus>(status[i]) != TileStatus::kDone) continue;
    const std::uint64_t at = tiles[i] - slide.pool_first;
    check(tiles[i] >= slide.pool_first && at < n_pool, ErrorCode::kHdf5,
          "results.h5: sampled tile {} is not of its slide {}", tiles[i], slide.id);
    area_px += static_cast<double>(width[at]) * height[at] * static_cast<double>(tissue[at]);
  }
  return area_px * slide.mpp_x * slide.mpp_y * kMm2PerUm2;
}

/// By class.
struct CellCounts {
  std::vector<std::uint64_t> all, yes;
};

CellCounts count_cells(const ExportJob& job, const ResultsSlide& slide) {
  constexpr std::uint64_t kBlock = 65536;
  const std::size_t n_classes = job.results.classes().size();
  CellCounts counts{std::vector<std::uint64_t>(n_classes), std::vector<std::uint64_t>(n_classes)};
  const std::uint64_t end = slide.cell_first + static_cast<std::uint64_t>(slide.n_cells);
  for (std::uint64_t row = slide.cell_first; row < end; row += kBlock) {
    const std::uint64_t n = std::min(kBlock, end - row);
    const auto classes = job.results.rows<std::uint8_t>("cells/class", row, n);
    std::vector<float> scores(n);
    std::vector<std::uint8_t> decisions(n);
    job.scores.read(row, scores, decisions);
    for (std::size_t i = 0; i < classes.size(); ++i) {
      check(classes[i] < n_classes, ErrorCode::kHdf5,
            "results.h5: class {} of a cell, but there are only {}", classes[i], n_classes);
      ++counts.all[classes[i]];
      counts.yes[classes[i]] += decisions[i] == kYes ? 1 : 0;
    }
  }
  return counts;
}

void write_counts(CsvLines& lines, const std::vector<std::uint64_t>& counts, double tissue_mm2) {
  for (const std::uint64_t count : counts) lines.number(count);
  for (const std::uint64_t count : counts)
    lines.number(tissue_mm2 > 0 ? static_cast<double>(count) / tissue_mm2 : std::nan(""));
}

void write_cohort_header(CsvLines& lines, const ResultsReader& results, bool scored) {
  for (const char* name :
       {"slide", "path", "group", "status", "reason", "width_px", "height_px", "mpp_x", "mpp_y",
        "tiles_pool", "tiles_sample", "sampled_tissue_mm2", "cells"})
    lines.text(name);
  for (const std::string& name : results.classes()) lines.text("cells_" + name);
  for (const std::string& name : results.classes()) lines.text("cells_per_mm2_" + name);
  if (scored) {
    for (const std::string& name : results.classes()) lines.text("cells_yes_" + name);
    for (const std::string& name : results.classes()) lines.text("cells_yes_per_mm2_" + name);
  }
  lines.end_line();
}

}  // namespace

std::uint64_t write_cells_csv(const ExportJob& job, const ResultsSlide& slide,
                              const std::filesystem::path& path) {
  CsvLines lines(path);
  for (const char* name : {"uid", "class", "x_px", "y_px", "x_um", "y_um"}) lines.text(name);
  for (const FeatureSpec& feature : job.results.cell_features()) lines.text(feature.name);
  if (job.scores.any()) lines.text("score").text("decision");
  lines.end_line();
  for (CellBlocks cells(job.results, job.scores, slide, CellBlocks::Contours::kSkip);
       cells.next();) {
    write_cells(lines, job.results, slide, cells.block());
    job.watch.advance(cells.block().size());
  }
  lines.close();
  return static_cast<std::uint64_t>(slide.n_cells);
}

std::uint64_t write_cohort_csv(const ExportJob& job, const std::filesystem::path& path) {
  CsvLines lines(path);
  write_cohort_header(lines, job.results, job.scores.any());
  for (const ResultsSlide& slide : job.results.slides()) {
    const double tissue_mm2 = sampled_tissue_mm2(job.results, slide);
    const CellCounts counts = count_cells(job, slide);
    lines.text(slide.id).text(slide.path).text(slide.group).text(slide.status).text(slide.reason);
    lines.number(slide.width).number(slide.height).number(slide.mpp_x).number(slide.mpp_y);
    lines.number(slide.n_pool).number(slide.n_sample).number(tissue_mm2).number(slide.n_cells);
    write_counts(lines, counts.all, tissue_mm2);
    if (job.scores.any()) write_counts(lines, counts.yes, tissue_mm2);
    lines.end_line();
  }
  lines.close();
  return job.results.slides().size();
}

}  // namespace tilepool
