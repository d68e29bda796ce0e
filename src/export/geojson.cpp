#include <cmath>

#include <fmt/format.h>

#include "common/model/class_colours.h"
#include "export/cell_blocks.h"
#include "export/export_job.h"
#include "export/out_file.h"
#include "export/text_forms.h"

namespace tilepool {
namespace {

// What QuPath reads and writes is in its classes QuPathTypeAdapters (PathObjectTypeAdapter,
// MeasurementListTypeAdapter) and GsonTools (PathClassTypeAdapter), versions 0.5 to 0.6.

/// From the ring's end to the measurements.
std::string properties_text(const std::string& class_name, Rgb colour) {
  std::string text = R"(]]},"properties":{"objectType":"detection","isLocked":false,)"
                     R"("classification":{"name":)";
  append_json_text(text, class_name);
  return text +
         fmt::format(R"(,"color":[{},{},{}]}},"measurements":{{)", colour[0], colour[1], colour[2]);
}

/// Half way to grey.
Rgb pale(Rgb colour) {
  constexpr int kGrey = 160;
  for (std::uint8_t& part : colour) part = static_cast<std::uint8_t>((part + kGrey) / 2);
  return colour;
}

/// The parts that all features share, made once. What a classifier says becomes QuPath's derived
/// classes Positive and Negative, which it counts by itself.
struct FeatureParts {
  explicit FeatureParts(const ResultsReader& results) {
    for (std::size_t i = 0; i < results.classes().size(); ++i) {
      const std::string& name = results.classes()[i];
      properties.push_back(properties_text(name, class_colour(i)));
      positive.push_back(properties_text(name + ": Positive", class_colour(i)));
      negative.push_back(properties_text(name + ": Negative", pale(class_colour(i))));
    }
    for (const FeatureSpec& feature : results.cell_features()) {
      std::string text = names.empty() ? "" : ",";
      append_json_text(text, feature.name);
      names.push_back(std::move(text) + ':');
    }
  }
  [[nodiscard]] const std::string& properties_of(const CellBlock& cells, std::size_t cell) const {
    const std::size_t index = cells.class_index[cell];
    if (cells.decision.empty() || cells.decision[cell] == kUnscored) return properties[index];
    return (cells.decision[cell] == kYes ? positive : negative)[index];
  }
  std::vector<std::string> properties, positive, negative;  ///< by class
  std::vector<std::string> names;                           ///< by feature: `,"name":`
};

void append_point(std::string& text, const CellBlock& cells, std::size_t at) {
  text += '[';
  append_number(text, cells.contour_x[at]);
  text += ',';
  append_number(text, cells.contour_y[at]);
  text += ']';
}

/// JSON has no word for what is not finite; QuPath reads these.
void append_measurement(std::string& text, float value) {
  if (std::isnan(value)) {
    text += R"("NaN")";
  } else if (std::isinf(value)) {
    text += value > 0 ? R"("Infinity")" : R"("-Infinity")";
  } else {
    append_number(text, value);
  }
}

void append_cell(std::string& text, const FeatureParts& parts, const CellBlock& cells,
                 std::size_t cell, std::uint64_t hash) {
  text += R"({"type":"Feature","id":")";
  text += cell_uuid(cells.uid[cell], hash);
  text += R"(","geometry":{"type":"Polygon","coordinates":[[)";
  const std::size_t first = cells.contour_begin[cell];
  for (std::size_t at = first; at < cells.contour_begin[cell + 1]; ++at) {
    append_point(text, cells, at);
    text += ',';
  }
  append_point(text, cells, first);
  text += parts.properties_of(cells, cell);
  for (std::size_t f = 0; f < parts.names.size(); ++f) {
    text += parts.names[f];
    append_measurement(text, cells.features[f][cell]);
  }
  if (!cells.score.empty()) {
    text += parts.names.empty() ? R"("score":)" : R"(,"score":)";
    append_measurement(text, cells.score[cell]);
  }
  text += "}}}";
}

}  // namespace

std::uint64_t write_geojson(const ExportJob& job, const ResultsSlide& slide,
                            const std::filesystem::path& path) {
  const FeatureParts parts(job.results);
  const std::uint64_t hash = slide_hash(slide.id);
  OutFile file(path, OutFile::Form::kGzip);
  file.write("{\"type\":\"FeatureCollection\",\"features\":[\n");
  std::string text;
  const char* between = "";
  for (CellBlocks cells(job.results, job.scores, slide, CellBlocks::Contours::kRead);
       cells.next();) {
    for (std::size_t cell = 0; cell < cells.block().size(); ++cell) {
      text = between;
      append_cell(text, parts, cells.block(), cell, hash);
      file.write(text);
      between = ",\n";
    }
    job.watch.advance(cells.block().size());
  }
  file.write("\n]}\n");
  file.close();
  return static_cast<std::uint64_t>(slide.n_cells);
}

}  // namespace tilepool
