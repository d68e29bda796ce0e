#include <cmath>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <sqlite3.h>
#include <zlib.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "export/cell_blocks.h"
#include "export/export_job.h"
#include "export/text_forms.h"

namespace tilepool {
namespace {

// Tables, columns and what stands in them are those of TIAToolbox 1.x, annotation/storage.py, class
// SQLiteStore, whose own version is 1.0.1.
constexpr const char* kSchema = R"(
  PRAGMA journal_mode = OFF;  -- the file has a temporary name until it is whole
  PRAGMA synchronous = OFF;
  PRAGMA cache_size = -65536;  -- KiB
  CREATE TABLE metadata (key TEXT UNIQUE, value TEXT);
  CREATE VIRTUAL TABLE rtree USING rtree(id, min_x, max_x, min_y, max_y);
  CREATE TABLE annotations (id INTEGER PRIMARY KEY, key TEXT UNIQUE, objtype TEXT,
                            cx FLOAT NOT NULL, cy FLOAT NOT NULL, geometry BLOB, properties TEXT,
                            area FLOAT NOT NULL);
  INSERT INTO metadata VALUES ('version', '"1.0.1"'), ('compression', '"zlib"'),
                              ('compression_level', '1');
  BEGIN;
)";
constexpr int kCompressionLevel = 1;

struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
};
struct CloseStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, CloseStatement>;

/// A new SQLite file. Throws Error(kIo) with the path and SQLite's own words.
class Database {
 public:
  explicit Database(const std::filesystem::path& path) : path_(path.string()) {
    sqlite3* opened = nullptr;
    const int result = sqlite3_open_v2(path_.c_str(), &opened,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    database_.reset(opened);
    check_result(result);
  }
  void run(const char* sql) {
    check_result(sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr));
  }
  [[nodiscard]] Statement prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check_result(sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr));
    return Statement(statement);
  }
  /// Runs a statement whose parameters are bound, and makes it ready for the next.
  void step(const Statement& statement) {
    const int result = sqlite3_step(statement.get());
    check_result(result == SQLITE_DONE ? SQLITE_OK : result);
    check_result(sqlite3_reset(statement.get()));
  }
  void check_result(int result) const {
    check(result == SQLITE_OK, ErrorCode::kIo, "cannot write {}: SQLite says: {}", path_,
          sqlite3_errmsg(database_.get()));
  }
  void close() { check_result(sqlite3_close(database_.release())); }

 private:
  std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

/// A closed polygon, its area and its centroid (level-0 px), as GEOS has them.
struct Ring {
  Ring(const CellBlock& cells, std::size_t cell) {
    const std::size_t first = cells.contour_begin[cell];
    const std::size_t end = cells.contour_begin[cell + 1];
    for (std::size_t at = first; at < end; ++at) add(cells.contour_x[at], cells.contour_y[at]);
    add(cells.contour_x[first], cells.contour_y[first]);
    measure(cells.x[cell], cells.y[cell]);
  }

  std::vector<double> xy;  ///< x, y, x, y, ...; the last point is the first
  double area = 0, cx = 0, cy = 0;
  double min_x = INFINITY, max_x = -INFINITY, min_y = INFINITY, max_y = -INFINITY;

 private:
  void add(float x, float y) {
    xy.push_back(static_cast<double>(x));
    xy.push_back(static_cast<double>(y));
    min_x = std::min(min_x, xy[xy.size() - 2]);
    max_x = std::max(max_x, xy[xy.size() - 2]);
    min_y = std::min(min_y, xy.back());
    max_y = std::max(max_y, xy.back());
  }
  /// From the first point, so that large coordinates cost no digits. A ring without an area has the
  /// cell's own centroid.
  void measure(double cell_x, double cell_y) {
    double twice = 0;
    double moment_x = 0;
    double moment_y = 0;
    for (std::size_t i = 2; i < xy.size(); i += 2) {
      const double ax = xy[i - 2] - xy[0];
      const double ay = xy[i - 1] - xy[1];
      const double bx = xy[i] - xy[0];
      const double by = xy[i + 1] - xy[1];
      const double cross = ax * by - bx * ay;
      twice += cross;
      moment_x += (ax + bx) * cross;
      moment_y += (ay + by) * cross;
    }
    area = std::abs(twice) / 2;
    cx = twice != 0 ? xy[0] + moment_x / (3 * twice) : cell_x;
    cy = twice != 0 ? xy[1] + moment_y / (3 * twice) : cell_y;
  }
};

template <class T>
void append_bytes(std::string& bytes, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  bytes.append(raw, sizeof(T));
}

/// Well-known binary of a polygon with one ring (OGC 06-103r4, 8.2), in the machine's byte order.
std::string well_known_binary(const Ring& ring) {
  constexpr std::uint32_t kPolygon = 3;
  std::string bytes(1, std::endian::native == std::endian::little ? '\1' : '\0');
  append_bytes(bytes, kPolygon);
  append_bytes(bytes, std::uint32_t{1});
  append_bytes(bytes, checked_cast<std::uint32_t>(ring.xy.size() / 2));
  for (const double value : ring.xy) append_bytes(bytes, value);
  return bytes;
}

/// zlib's format, one short text after the other with the same state.
class Compressor {
 public:
  Compressor() {
    const int result = deflateInit(&stream_, kCompressionLevel);
    check(result == Z_OK, ErrorCode::kInternal, "zlib cannot begin: error {}", result);
  }
  ~Compressor() { deflateEnd(&stream_); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  [[nodiscard]] std::string compressed(std::string bytes) {
    std::string out(deflateBound(&stream_, bytes.size()), '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(bytes.data());
    stream_.avail_in = checked_cast<uInt>(bytes.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = checked_cast<uInt>(out.size());
    const int result = deflate(&stream_, Z_FINISH);
    check(result == Z_STREAM_END, ErrorCode::kInternal, "zlib cannot compress {} bytes: error {}",
          bytes.size(), result);
    out.resize(out.size() - stream_.avail_out);
    deflateReset(&stream_);
    return out;
  }

 private:
  z_stream stream_{};
};

/// JSON of a cell: `type` (its class, which TIAToolbox colours by), `uid`, and its features; null
/// where one is undefined, as SQLite's JSON functions know no NaN; `score` and `decision` where a
/// classifier knows the cell.
class Properties {
 public:
  explicit Properties(const ResultsReader& results) {
    for (const std::string& name : results.classes()) {
      std::string text = R"({"type":)";
      append_json_text(text, name);
      types_.push_back(std::move(text) + R"(,"uid":")");
    }
    for (const FeatureSpec& feature : results.cell_features()) {
      std::string text = ",";
      append_json_text(text, feature.name);
      names_.push_back(std::move(text) + ':');
    }
  }
  [[nodiscard]] std::string of(const CellBlock& cells, std::size_t cell) const {
    std::string text = types_[cells.class_index[cell]] + uid_text(cells.uid[cell]) + '"';
    for (std::size_t f = 0; f < names_.size(); ++f) {
      text += names_[f];
      const float value = cells.features[f][cell];
      if (std::isfinite(value)) {
        append_number(text, value);
      } else {
        text += "null";
      }
    }
    if (!cells.score.empty() && cells.decision[cell] != kUnscored) {
      text += R"(,"score":)";
      append_number(text, cells.score[cell]);
      text += fmt::format(R"(,"decision":"{}")", decision_word(cells.decision[cell]));
    }
    return text + '}';
  }

 private:
  std::vector<std::string> types_, names_;
};

/// Adds cells, one row in each of the two tables.
class Inserter {
 public:
  Inserter(Database& database, const ResultsReader& results, const ResultsSlide& slide)
      : database_(database),
        annotation_(
            database.prepare("INSERT INTO annotations VALUES (?, ?, 'Polygon', ?, ?, ?, ?, ?)")),
        box_(database.prepare("INSERT INTO rtree VALUES (?, ?, ?, ?, ?)")),
        properties_(results),
        hash_(slide_hash(slide.id)) {}

  void insert(const CellBlock& cells, std::size_t cell) {
    const Ring ring(cells, cell);
    const std::string key = cell_uuid(cells.uid[cell], hash_);
    const std::string geometry = compressor_.compressed(well_known_binary(ring));
    const std::string properties = properties_.of(cells, cell);
    ++id_;
    sqlite3_stmt* const row = annotation_.get();
    database_.check_result(sqlite3_bind_int64(row, 1, id_));
    database_.check_result(sqlite3_bind_text(row, 2, key.data(), size_of(key), SQLITE_STATIC));
    database_.check_result(sqlite3_bind_double(row, 3, ring.cx));
    database_.check_result(sqlite3_bind_double(row, 4, ring.cy));
    database_.check_result(
        sqlite3_bind_blob(row, 5, geometry.data(), size_of(geometry), SQLITE_STATIC));
    database_.check_result(
        sqlite3_bind_text(row, 6, properties.data(), size_of(properties), SQLITE_STATIC));
    database_.check_result(sqlite3_bind_double(row, 7, ring.area));
    database_.step(annotation_);
    insert_box(ring);
  }

 private:
  static int size_of(const std::string& text) { return checked_cast<int>(text.size()); }
  void insert_box(const Ring& ring) {
    database_.check_result(sqlite3_bind_int64(box_.get(), 1, id_));
    int at = 2;
    for (const double value : {ring.min_x, ring.max_x, ring.min_y, ring.max_y})
      database_.check_result(sqlite3_bind_double(box_.get(), at++, value));
    database_.step(box_);
  }

  Database& database_;
  Statement annotation_, box_;
  Properties properties_;
  Compressor compressor_;
  std::uint64_t hash_;
  sqlite3_int64 id_ = 0;
};

}  // namespace

std::uint64_t write_annotation_store(const ExportJob& job, const ResultsSlide& slide,
                                     const std::filesystem::path& path) {
  Database database(path);
  database.run(kSchema);
  {
    Inserter inserter(database, job.results, slide);
    for (CellBlocks cells(job.results, job.scores, slide, CellBlocks::Contours::kRead);
         cells.next();) {
      for (std::size_t cell = 0; cell < cells.block().size(); ++cell)
        inserter.insert(cells.block(), cell);
      job.watch.advance(cells.block().size());
    }
  }
  database.run("COMMIT");
  database.close();
  return static_cast<std::uint64_t>(slide.n_cells);
}

}  // namespace tilepool
