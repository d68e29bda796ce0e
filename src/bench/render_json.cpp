#include <cmath>

#include <nlohmann/json.hpp>

#include "bench/render.h"
#include "bench/summary.h"
#include "bench/verdict.h"

namespace tilepool {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json rates_json(const std::vector<ThreadRate>& rates) {
  Json list = Json::array();
  for (const ThreadRate& rate : rates)
    list.push_back({{"threads", rate.threads},
                    {"mpx_per_s", number_or_null(rate.mpx_s)},
                    {"repeats", rate.repeats}});
  return list;
}

Json file_json(const FileFigures& file) {
  if (!file.problem.empty()) return {{"problem", file.problem}};
  return {{"bytes_per_s", number_or_null(file.bytes_s)},
          {"mpx_per_s", number_or_null(file.mpx_s())},
          {"random_read_s", number_or_null(file.random_read_s)},
          {"random_read_bytes", file.random_bytes},
          {"bytes_per_px", number_or_null(file.bytes_per_px)}};
}

Json slide_json(const SlideFigures& slide) {
  Json json = {{"id", slide.id}, {"path", slide.path}, {"problem", slide.problem}};
  if (!slide.problem.empty()) return json;
  json["vendor"] = slide.vendor;
  json["reader"] = slide.reader;
  json["file_bytes"] = slide.file_bytes;
  json["tiles"] = slide.tiles;
  json["mpx"] = number_or_null(slide.mpx);
  json["places"] = slide.places;
  json["file_system"] = file_json(slide.file);
  json["decode_limit"] = slide.limit.problem.empty()
                             ? Json{{"rates", rates_json(slide.limit.rates)},
                                    {"jpeg_tiles", slide.limit.jpeg_tiles},
                                    {"touched_ratio", number_or_null(slide.limit.touched_ratio)}}
                             : Json{{"problem", slide.limit.problem}};
  Json& sources = json["sources"] = Json::object();
  for (const SourceFigures& source : slide.sources) sources[source.name] = rates_json(source.rates);
  return json;
}

Json job_json(const JobFigures& job) {
  if (!job.problem.empty()) return {{"problem", job.problem}};
  return {{"device", job.device},
          {"threads", job.threads},
          {"sample", job.sample},
          {"tiles", job.tiles},
          {"tiles_failed", job.tiles_failed},
          {"pooling_s", number_or_null(job.pooling_s)},
          {"pooled_tiles_per_s", number_or_null(job.pooled_tiles_s)},
          {"processing_s", number_or_null(job.processing_s)},
          {"whole_s", number_or_null(job.whole_s)},
          {"tiles_per_s", number_or_null(job.tiles_s)},
          {"mpx_per_s", number_or_null(job.mpx_s)},
          {"computing", number_or_null(job.computing)},
          {"wait_read", number_or_null(job.wait_read)},
          {"wait_commit", number_or_null(job.wait_commit)},
          {"wait_lease", number_or_null(job.wait_lease)},
          {"gpu_busy", job.gpu_busy ? number_or_null(*job.gpu_busy) : Json(nullptr)}};
}

}  // namespace

std::string bench_json(const BenchFigures& figures) {
  Json verdict = Json::array();
  for (const BenchFinding& finding : judge(figures, summarise(figures)))
    verdict.push_back({{"key", finding.key}, {"text", finding.text}});
  Json slides = Json::array();
  for (const SlideFigures& slide : figures.slides) slides.push_back(slide_json(slide));
  Json versions = Json::object();
  for (const auto& [name, version] : figures.versions) versions[name] = version;
  const Json document = {{"config", figures.config},
                         {"date", figures.date},
                         {"host", figures.host},
                         {"cpu", figures.cpu},
                         {"cores", figures.cores},
                         {"threads", figures.threads},
                         {"tile_size_px", figures.size_px},
                         {"tile_halo_px", figures.halo_px},
                         {"task", figures.task == TaskKind::kSegment ? "segment" : "tile-features"},
                         {"seconds_asked", number_or_null(figures.seconds_asked)},
                         {"seconds_spent", number_or_null(figures.seconds_spent)},
                         {"verdict", std::move(verdict)},
                         {"slides", std::move(slides)},
                         {"job", job_json(figures.job)},
                         {"notes", figures.notes},
                         {"versions", std::move(versions)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tilepool
