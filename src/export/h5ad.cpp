#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "common/base/checked.h"
#include "common/base/text.h"
#include "common/model/class_colours.h"
#include "export/cell_blocks.h"
#include "export/export_job.h"
#include "export/python_hdf5.h"
#include "export/text_forms.h"

namespace tilepool {
namespace {

// The file format is anndata's "on-disk format" 0.1.0 (documentation of anndata, "fileformat
// prose"): every object carries its encoding as attributes. Long columns of text are of fixed
// length, which anndata's readers take; attributes and scalars have to be of variable length.

constexpr std::uint64_t kColumnChunk = 65536;
constexpr std::uint64_t kMatrixChunk = 4096;
constexpr h5::Filter kFilter = {h5::FilterKind::kGzip, 1};

template <class T>
T encoded(T object, std::string_view type, std::string_view version = "0.2.0") {
  set_python_text(object, "encoding-type", type);
  set_python_text(object, "encoding-version", version);
  return object;
}

void add_dictionary(h5::File& file, const std::string& name) {
  encoded(h5::Group::create(file, name), "dict", "0.1.0");
}

/// An empty data frame that is indexed by "_index".
void add_frame(h5::File& file, const std::string& name, const std::vector<std::string>& columns) {
  const h5::Group frame = encoded(h5::Group::create(file, name), "dataframe");
  set_python_text(frame, "_index", "_index");
  set_python_texts(frame, "column-order", columns);
}

void add_texts(h5::File& file, const std::string& name, const std::vector<std::string>& texts) {
  encoded(file.write_texts(name, texts), "string-array");
}

/// Categories of a column of obs; the codes follow block by block.
void add_categories(h5::File& file, const std::string& name, const std::vector<std::string>& all) {
  const h5::Group group = encoded(h5::Group::create(file, "obs/" + name), "categorical");
  set_python_bool(group, "ordered", false);
  add_texts(file, "obs/" + name + "/categories", all);
}

template <class T>
h5::Dataset add_column(h5::File& file, const std::string& name, std::uint64_t rows) {
  return encoded(file.create_dataset<T>(name, {rows}, column_layout(rows, kColumnChunk, kFilter)),
                 "array");
}

h5::Dataset add_matrix(h5::File& file, const std::string& name, bool wide, std::uint64_t rows,
                       std::uint64_t columns) {
  h5::Layout layout;
  if (rows > 0 && columns > 0)
    layout = {.chunk = {std::min(rows, kMatrixChunk), columns}, .filter = kFilter};
  return encoded(wide ? file.create_dataset<double>(name, {rows, columns}, layout)
                      : file.create_dataset<float>(name, {rows, columns}, layout),
                 "array");
}

/// The slides whose cells go into the file, and the groups that they are of.
struct Cohort {
  explicit Cohort(const ResultsReader& results) {
    std::set<std::string> names;
    for (const ResultsSlide& slide : results.slides()) {
      if (slide.status != "success") continue;
      slides.push_back(&slide);
      ids.push_back(slide.id);
      n_cells += static_cast<std::uint64_t>(slide.n_cells);
      if (!slide.group.empty()) names.insert(slide.group);
    }
    groups.assign(names.begin(), names.end());
  }
  /// -1, anndata's word for missing, where the slide is of no group.
  [[nodiscard]] std::int32_t group_code(const ResultsSlide& slide) const {
    if (slide.group.empty()) return -1;
    const auto found = std::lower_bound(groups.begin(), groups.end(), slide.group);
    return static_cast<std::int32_t>(found - groups.begin());
  }
  std::vector<const ResultsSlide*> slides;
  std::vector<std::string> ids, groups;
  std::uint64_t n_cells = 0;
};

/// Everything that has one row a cell, filled from the first row on.
class CellTables {
 public:
  /// `scored`: obs gets score and decision.
  CellTables(h5::File& file, std::uint64_t n, std::size_t n_features, bool scored)
      : index_(encoded(file.create_texts("obs/_index", n, uid_text(0).size(),
                                         h5::column_layout(n, kColumnChunk, kFilter)),
                       "string-array")),
        slide_(add_column<std::int32_t>(file, "obs/slide/codes", n)),
        group_(add_column<std::int32_t>(file, "obs/group/codes", n)),
        class_(add_column<std::int16_t>(file, "obs/class/codes", n)),
        x_px_(add_column<double>(file, "obs/x_px", n)),
        y_px_(add_column<double>(file, "obs/y_px", n)),
        x_um_(add_column<double>(file, "obs/x_um", n)),
        y_um_(add_column<double>(file, "obs/y_um", n)),
        spatial_(add_matrix(file, "obsm/spatial", true, n, 2)),
        matrix_(add_matrix(file, "X", false, n, n_features)) {
    if (!scored) return;
    score_.emplace(add_column<float>(file, "obs/score", n));
    decision_.emplace(add_column<std::int8_t>(file, "obs/decision/codes", n));
  }

  void append(const CellBlock& cells, const ResultsSlide& slide, std::int32_t slide_code,
              std::int32_t group_code) {
    const std::size_t n = cells.size();
    std::vector<std::string> names;
    names.reserve(n);
    for (const std::uint64_t uid : cells.uid) names.push_back(uid_text(uid));
    index_.write_texts(row_, names);
    write(slide_, std::vector<std::int32_t>(n, slide_code));
    write(group_, std::vector<std::int32_t>(n, group_code));
    write(class_, std::vector<std::int16_t>(cells.class_index.begin(), cells.class_index.end()));
    write(x_px_, cells.x);
    write(y_px_, cells.y);
    write(x_um_, scaled(cells.x, slide.mpp_x));
    write(y_um_, scaled(cells.y, slide.mpp_y));
    write(spatial_, side_by_side<double>({&cells.x, &cells.y}, n));
    std::vector<const std::vector<float>*> features;
    for (const std::vector<float>& feature : cells.features) features.push_back(&feature);
    write(matrix_, side_by_side<float>(features, n));
    if (score_) {
      write(*score_, cells.score);
      write(*decision_, decision_codes(cells.decision));
    }
    row_ += n;
  }

 private:
  template <class T>
  void write(h5::Dataset& column, const std::vector<T>& values) {
    if (!values.empty()) column.write(row_, std::span<const T>(values));
  }
  static std::vector<double> scaled(const std::vector<double>& values, double factor) {
    std::vector<double> out(values);
    for (double& value : out) value *= factor;
    return out;
  }
  /// Into the categories no and yes; -1 is anndata's word for missing.
  static std::vector<std::int8_t> decision_codes(const std::vector<std::uint8_t>& decisions) {
    std::vector<std::int8_t> codes;
    codes.reserve(decisions.size());
    for (const std::uint8_t decision : decisions)
      codes.push_back(decision == kUnscored ? std::int8_t{-1} : static_cast<std::int8_t>(decision));
    return codes;
  }
  /// [n][columns]
  template <class T>
  static std::vector<T> side_by_side(const std::vector<const std::vector<T>*>& columns,
                                     std::size_t n) {
    std::vector<T> rows(checked_mul(n, columns.size()));
    for (std::size_t c = 0; c < columns.size(); ++c)
      for (std::size_t i = 0; i < n; ++i) rows[i * columns.size() + c] = (*columns[c])[i];
    return rows;
  }

  h5::Dataset index_, slide_, group_, class_, x_px_, y_px_, x_um_, y_um_, spatial_, matrix_;
  std::optional<h5::Dataset> score_, decision_;
  std::uint64_t row_ = 0;
};

void add_features(h5::File& file, const std::vector<FeatureSpec>& features) {
  std::vector<std::string> names;
  std::vector<std::string> units;
  std::vector<std::string> descriptions;
  for (const FeatureSpec& feature : features) {
    names.push_back(feature.name);
    units.push_back(feature.unit);
    descriptions.push_back(feature.description);
  }
  add_frame(file, "var", {"unit", "description"});
  add_texts(file, "var/_index", names);
  add_texts(file, "var/unit", units);
  add_texts(file, "var/description", descriptions);
}

void add_unstructured(h5::File& file, const ResultsReader& results) {
  add_dictionary(file, "uns");
  const h5::Group uns = h5::Group::open(file, "uns");
  const auto add = [&](const char* name, const std::string& text) {
    encoded(write_python_text(uns, name, text), "string");
  };
  add("job_id", results.job_id());
  add("pipeline_id", results.pipeline_id());
  add("tilepool_config", results.config());
  add("spatial_unit", "px of level 0");
  std::vector<std::string> colours;  // where scanpy looks for the colours of obs["class"]
  for (std::size_t i = 0; i < results.classes().size(); ++i) {
    const Rgb rgb = class_colour(i);
    colours.push_back(fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]));
  }
  add_texts(file, "uns/class_colors", colours);
}

}  // namespace

std::uint64_t write_h5ad(const ExportJob& job, const std::filesystem::path& path) {
  const Cohort cohort(job.results);
  h5::File file = h5::File::create(path);
  encoded<const h5::File&>(file, "anndata", "0.1.0");
  for (const char* name : {"obsm", "varm", "obsp", "varp", "layers"}) add_dictionary(file, name);
  add_features(file, job.results.cell_features());
  add_unstructured(file, job.results);
  const bool scored = job.scores.any();
  std::vector<std::string> columns = {"slide", "group", "class", "x_px", "y_px", "x_um", "y_um"};
  if (scored) columns.insert(columns.end(), {"score", "decision"});
  add_frame(file, "obs", columns);
  add_categories(file, "slide", cohort.ids);
  add_categories(file, "group", cohort.groups);
  add_categories(file, "class", job.results.classes());
  if (scored)
    add_categories(file, "decision",
                   {std::string(decision_word(kNo)), std::string(decision_word(kYes))});
  {
    CellTables tables(file, cohort.n_cells, job.results.cell_features().size(), scored);
    for (std::size_t s = 0; s < cohort.slides.size(); ++s) {
      const ResultsSlide& slide = *cohort.slides[s];
      const std::int32_t group = cohort.group_code(slide);
      for (CellBlocks cells(job.results, job.scores, slide, CellBlocks::Contours::kSkip);
           cells.next();) {
        tables.append(cells.block(), slide, static_cast<std::int32_t>(s), group);
        job.watch.advance(cells.block().size());
      }
      file.check_written();
    }
  }
  file.close();
  return cohort.n_cells;
}

}  // namespace tilepool
