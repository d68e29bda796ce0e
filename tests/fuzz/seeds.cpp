// fuzz_seeds FOLDER: the first inputs of the fuzz targets, FOLDER/TARGET/seed-..., written by what
// writes such files and messages in the program.
#include <limits>
#include <utility>
#include <vector>

#include "common/hdf5/lz4_filter.h"
#include "common/model/options_json.h"
#include "common/model/protocol.h"
#include "common/run/atomic_file.h"
#include "common/run/calibration_file.h"
#include "common/run/exit_record.h"
#include "common/run/run_json.h"
#include "common/run/status_json.h"
#include "common/run/strip_file.h"
#include "example_range.h"
#include "support/annotation_samples.h"
#include "support/tiff_slide.h"

using namespace tilepool;

namespace {

class Seeds {
 public:
  explicit Seeds(std::filesystem::path root) : root_(std::move(root)) {}
  [[nodiscard]] std::filesystem::path path(const char* target, const char* name) const {
    std::filesystem::create_directories(root_ / target);
    return root_ / target / (std::string("seed-") + name);
  }
  void write(const char* target, const char* name, std::string_view bytes) const {
    write_file_atomically(path(target, name), bytes);
  }
  /// What `write_to` writes, behind the byte `kind`.
  template <class Write>
  void write_behind(char kind, const char* target, const char* name, Write write_to) const {
    const auto file = path(target, name);
    write_to(file);
    write(target, name, kind + read_file(file));
  }

 private:
  std::filesystem::path root_;
};

RangeResult example_range(std::uint32_t cells_of_a_tile) {
  RangeResult range;
  range.first = 10;
  range.last = 11;
  range.pipeline_id = "pipe";
  TileResult tile;
  tile.status = TileStatus::kDone;
  tile.tile_features = {0.5F};
  for (std::uint32_t i = 0; i < cells_of_a_tile; ++i) {
    tile.cells.x.push_back(i);
    tile.cells.y.push_back(i);
    tile.cells.class_index.push_back(0);
    tile.cells.contour_size.push_back(1);
    tile.cells.features.insert(tile.cells.features.end(), {1, 2});
    tile.cells.contour_x.push_back(1);
    tile.cells.contour_y.push_back(2);
  }
  append_tile(range, {0, 100, 200}, tile);
  TileResult failed;
  failed.status = TileStatus::kFailed;
  failed.reason = "cannot be read";
  failed.tile_features = {0};
  append_tile(range, {0, 200, 200}, failed);
  return range;
}

/// One message as the target takes it: sender, tag, "right size", bytes.
template <class T>
std::string message(int from, const T& content) {
  std::string bytes{static_cast<char>(from), static_cast<char>(T::kTag), 0};
  return bytes.append(reinterpret_cast<const char*>(&content), sizeof content);
}

void write_messages(const Seeds& seeds) {
  Hello hello;
  hello.threads = 2;
  hello.host.set("node1");
  Finished failed{.lease = 2, .end = LeaseEnd::kFailed};
  failed.reason.set("cannot be read");
  seeds.write("messages", "work",
              message(1, hello) + message(2, hello) +
                  message(1, Committed{.lease = 1, .first = 0, .last = 3, .tiles = 3}) +
                  message(2, failed) + message(1, Heartbeat{.progress = 1}) +
                  message(1, Finished{.lease = 1}));
  seeds.write("messages", "others",
              message(0, Begin{3}) + message(0, Work{1, 0, 8, WorkKind::kRange, 0}) +
                  message(0, Cancel{1, 4}) + message(0, Stop{15}) + message(0, Pack{}) +
                  message(0, Exit{0, 0}) + message(0, Alive{7}));
}

void write_run_texts(const Seeds& seeds) {
  RunDescription run;
  run.cohort = {{"a", "slides/a.svs", "group", 0.25, ""}, {"b", "b.tif", "", {}, "is no slide"}};
  run.provenance = {{"host", "node1"}};
  seeds.write_behind('r', "run_texts", "run", [&](const auto& path) { write_run_json(path, run); });
  RunStatus status;
  status.state = "processing";
  status.ranks.resize(2);
  seeds.write_behind('s', "run_texts", "status",
                     [&](const auto& path) { write_status(path, status); });
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const SlideCalibration calibration{"a", {{"od_max", 1.5}, {"none", kNone}}, {{0, 0, 64, 64}}, ""};
  seeds.write_behind('c', "run_texts", "calibration",
                     [&](const auto& path) { write_slide_calibration(path, calibration); });
  seeds.write_behind('e', "run_texts", "exit", [](const auto& path) {
    ::setenv(kExitRecordVariable, path.c_str(), 1);
    create_exit_record(path);
    write_exit_record(75);
  });
  seeds.write("run_texts", "lock",
              R"(l{"host":"node1","space":"boot pid:[1]","pid":7,"start_ticks":9,)"
              R"("since":"2024-01-01T00:00:00Z"})");
  seeds.write("run_texts", "note", "n3 0 17 11 2 4711\n");
}

void write_strips(const Seeds& seeds) {
  const std::vector<std::uint8_t> pixels(4 * 3 * 3, 200);
  const StripId id{"fingerprint", 1, 3};
  const auto without_checksum = [&](const char* name) {
    const auto file = seeds.path("strip", name);
    const std::string bytes = read_file(file);
    seeds.write("strip", name, "f" + bytes);
    seeds.write("strip", (std::string("content-") + name).c_str(),
                "c" + bytes.substr(0, bytes.size() - sizeof(std::uint64_t)));
  };
  write_strip(seeds.path("strip", "read"), id, {{{0, 0, 2, 2}}, "damaged"},
              {pixels.data(), 4, 3, 12});
  without_checksum("read");
  write_given_up_strip(seeds.path("strip", "given-up"), id, "killed its worker");
  without_checksum("given-up");
}

void write_labels(const Seeds& seeds) {
  seeds.write("labels", "own",
              R"({"format":"tilepool-labels","version":1,"pipeline_id":"p","class":"mk",)"
              R"("annotator":"anna","labels":{"00e1f2a3b4c5d6e7":{"label":"yes",)"
              R"("time":"2026-03-01T10:15:00Z"},"9f00000000000001":{"label":"unsure"}}})");
  seeds.write("labels", "lists",
              R"({"positive":["00e1f2a3b4c5d6e7",7],"negative":["0x1"],"unsure":["12"]})");
  seeds.write("labels", "words", R"({"annotations":{"1":"yes","2":"no","3":"unsure"}})");
}

void write_lz4(const Seeds& seeds) {
  const std::string text = "one tile one tile one tile one tile 0123456789";
  std::size_t capacity = text.size();
  void* buffer = H5allocate_memory(capacity, false);
  std::memcpy(buffer, text.data(), text.size());
  const unsigned block = 16;
  const std::size_t used = h5::lz4_filter(0, 1, &block, text.size(), &capacity, &buffer);
  seeds.write("lz4", "blocks", {static_cast<const char*>(buffer), used});
  H5free_memory(buffer);
}

/// Tiles of 32 px, so that a whole pyramid takes few bytes.
void write_tiffs(const Seeds& seeds) {
  const auto write = [&](const char* name, testing::TiffSlide slide) {
    slide.tile_width = slide.tile_height = 32;
    if (slide.levels.size() == 1) slide.levels = {{64, 64}, {32, 32}};
    testing::write_slide(seeds.path("tiff", name), slide);
  };
  write("420", {});
  write("big", {.mode = "w8b", .across = 1, .down = 1});
  write("rgb", {.ycbcr = false});
  write("own-tables", {.tables = false, .levels = {{50, 40}, {25, 20}}});
  write("progressive", {.tables = false, .progressive = true});
  write("aperio", {.across = 2, .down = 1, .aperio = true, .missing = {{0, 1}}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const Seeds seeds(argv[1]);
  seeds.write("config", "reference", reference_config());
  seeds.write("config", "defaults", options_to_json(Options{}));
  seeds.write(
      "config", "sets",
      std::string("{\"slides\": [\"a.svs\", {\"path\": \"b.tif\", \"mpp\": 0.25}]} // two") + '\0' +
          "/sample/fraction=0.2" + '\0' + "/slides/-/path=c.tif" + '\0' +
          "/memory/host_per_rank=6GiB");
  for (const testing::AnnotationSample& sample : testing::kAnnotationSamples)
    seeds.write("annotations", sample.name, sample.text);
  seeds.write("manifest", "all",
              "path,id,group,mpp,note\r\na.svs,A,g1,0.25,x\r\n\"b,\"\"1\"\".tif\",,,\n\nc.tif\n");
  write_range(seeds.path("range_file", "cells"), fuzz::example_schema(), example_range(2));
  write_range(seeds.path("range_file", "empty"), fuzz::example_schema(), {});
  write_messages(seeds);
  write_run_texts(seeds);
  write_strips(seeds);
  write_labels(seeds);
  write_lz4(seeds);
  write_tiffs(seeds);
  seeds.write("slurm", "sinfo",
              "debug*|up|4|64|257000|gpu:a100:4(S:0-1)|1-00:00:00|idle\n"
              "long|up|16|32|128000|(null)|infinite|mixed\n"
              "old|down|1|8|16000|gpu:2,nvme:1|4:00:00|down*\n");
  seeds.write("slurm", "time", "2-03:04:05");
  seeds.write("slurm", "memory", "1500M");
  return 0;
}
