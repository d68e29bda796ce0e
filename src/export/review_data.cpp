#include "export/review_data.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "common/base/base64.h"
#include "common/base/text.h"
#include "common/model/class_colours.h"
#include "export/out_file.h"
#include "export/review_sheets.h"
#include "export/text_forms.h"

namespace tilepool {
namespace {

using nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "columns are written as they lie");

template <class T>
std::span<const std::uint8_t> bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

template <class T>
std::string column(const std::vector<T>& values) {
  return base64(bytes_of(values));
}

std::string float_column(const std::vector<double>& values) {
  return column(std::vector<float>(values.begin(), values.end()));
}

ordered_json known(double value) { return std::isfinite(value) ? ordered_json(value) : nullptr; }

std::string valid_text(const std::string& text) {
  return is_utf8(text) ? text : printable_utf8(text);
}

ordered_json slides_json(const ReviewData& data) {
  ordered_json slides = ordered_json::array();
  for (std::size_t i = 0; i < data.slides.size(); ++i) {
    if (data.cells.slide_begin(i) == data.cells.slide_end[i]) continue;
    const ResultsSlide& slide = data.results.slides()[i];
    slides.push_back({{"id", valid_text(slide.id)},
                      {"group", valid_text(slide.group)},
                      {"width", slide.width},
                      {"height", slide.height},
                      {"mpp", known((slide.mpp_x + slide.mpp_y) / 2)},
                      {"begin", data.cells.slide_begin(i)},
                      {"end", data.cells.slide_end[i]},
                      {"sheet", data.slides[i].first_sheet},
                      {"problem", valid_text(data.slides[i].problem)},
                      {"context", data.slides[i].has_context ? ordered_json(i) : nullptr}});
  }
  return slides;
}

ordered_json classes_json(const ResultsReader& results) {
  ordered_json classes = ordered_json::array();
  for (const std::string& name : results.classes()) classes.push_back(valid_text(name));
  return classes;
}

}  // namespace

void ContourFiles::add(const CellBlock& block, std::size_t i) {
  const auto left = static_cast<double>(crop_corner(block.x[i], crop_px_));
  const auto top = static_cast<double>(crop_corner(block.y[i], crop_px_));
  const auto step = [](double px) {
    constexpr double kMost = std::numeric_limits<std::int16_t>::max();
    return static_cast<std::int16_t>(std::clamp(std::round(px * kContourSteps), -kMost, kMost));
  };
  constexpr std::uint64_t kMostPoints = std::numeric_limits<std::uint16_t>::max();
  const std::uint64_t begin = block.contour_begin[i];
  const std::uint64_t n = std::min(block.contour_begin[i + 1] - begin, kMostPoints);
  counts_.push_back(static_cast<std::uint16_t>(n));
  for (std::uint64_t p = begin; p < begin + n; ++p) {
    points_.push_back(step(static_cast<double>(block.contour_x[p]) - left));
    points_.push_back(step(static_cast<double>(block.contour_y[p]) - top));
  }
  if (counts_.size() == kContourCells) write();
}

void ContourFiles::write() {
  std::vector<std::uint8_t> bytes;
  bytes.insert(bytes.end(), bytes_of(counts_).begin(), bytes_of(counts_).end());
  bytes.insert(bytes.end(), bytes_of(points_).begin(), bytes_of(points_).end());
  const std::string text = fmt::format("tilepoolContours({},\"{}\");\n", n_files_, base64(bytes));
  OutFile file(folder_ / fmt::format("{:06}.js", n_files_), OutFile::Form::kPlain);
  file.write(text);
  file.close();
  ++n_files_;
  bytes_ += text.size();
  counts_.clear();
  points_.clear();
}

std::uint64_t ContourFiles::close() {
  if (!counts_.empty()) write();
  return bytes_;
}

std::string cells_script(const ReviewData& data) {
  const ReviewCells& cells = data.cells;
  const std::span<const std::uint8_t> uids = bytes_of(cells.uid);
  ordered_json columns = {{"uid", column(cells.uid)},
                          {"class", column(cells.class_index)},
                          {"x", float_column(cells.x)},
                          {"y", float_column(cells.y)},
                          {"picture", column(cells.picture)}};
  if (!cells.area.empty()) columns["area"] = column(cells.area);
  if (!cells.score.empty()) columns["score"] = column(cells.score);
  const ordered_json whole = {{"version", 1},
                              {"pipeline_id", data.results.pipeline_id()},
                              {"job_id", data.results.job_id()},
                              {"cells_id", uid_text(XXH64(uids.data(), uids.size(), 0))},
                              {"n", cells.size()},
                              {"n_run", data.results.n_cells()},
                              {"crop_px", data.crop_px},
                              {"sheet_columns", kSheetColumns},
                              {"sheet_cells", kSheetCells},
                              {"contour_cells", kContourCells},
                              {"contour_steps", kContourSteps},
                              {"classes", classes_json(data.results)},
                              {"slides", slides_json(data)},
                              {"columns", columns}};
  // Everything beyond ASCII is escaped by dump, so U+2028 and U+2029 too.
  std::string json = whole.dump(-1, ' ', true);
  std::string script = "tilepoolCells(";
  for (const char c : json) {
    if (c == '<')
      script += "\\u003c";
    else
      script += c;
  }
  return script + ");\n";
}

}  // namespace tilepool
