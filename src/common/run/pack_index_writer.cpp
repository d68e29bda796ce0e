#include <algorithm>
#include <limits>
#include <list>
#include <optional>
#include <tuple>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/memory/buffer.h"
#include "common/run/atomic_file.h"
#include "common/run/format_check.h"
#include "common/run/pack_index.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"
#include "common/run/results.h"

namespace tilepool {
namespace {

constexpr std::uint32_t kNoFile = std::numeric_limits<std::uint32_t>::max();

/// Where a sample entry lies; entries are ordered by it as they are by index.
struct Place {
  std::uint32_t slide = 0;
  std::int32_t y = 0, x = 0;
  friend bool operator==(const Place&, const Place&) = default;
  /// As /pool is ordered.
  [[nodiscard]] std::tuple<std::uint32_t, std::int32_t, std::int32_t> order() const {
    return {slide, y, x};
  }
};

/// Which row of which file answers for a sample entry.
struct Winner {
  std::uint32_t file = kNoFile;
  std::uint32_t row = 0;
};

/// The commits found so far, by sample entry.
class Winners {
 public:
  Winners(const PlanReader& plan, Budget& budget)
      : places_(budget, plan.sample_size(), "places of the sampled tiles"),
        winners_(budget, plan.sample_size(), "index of the committed tiles"),
        status_(budget, plan.sample_size(), "status of the sampled tiles") {
    for (std::uint64_t first = 0; first < places_.size(); first += kIndexBlock) {
      const std::uint64_t count = std::min<std::uint64_t>(kIndexBlock, places_.size() - first);
      const std::vector<PoolTile> tiles = plan.sample_tiles(first, count);
      for (std::size_t i = 0; i < tiles.size(); ++i) {
        places_.data()[first + i] = place(tiles[i].slide, tiles[i].x, tiles[i].y);
      }
    }
    std::ranges::fill(winners_.span(), Winner{});
  }

  /// Enters a file's tiles. The first commit of a tile stands, but a done one replaces a failed
  /// one. Tiles that are not in the sample are passed over.
  void add(std::uint32_t file, const std::vector<RangeTile>& tiles) {
    for (std::size_t row = 0; row < tiles.size(); ++row) {
      const RangeTile& tile = tiles[row];
      const Place wanted = place(tile.slide, tile.x, tile.y);
      const auto found =
          std::ranges::lower_bound(places_.span(), wanted.order(), {}, &Place::order);
      if (found == places_.span().end() || *found != wanted) continue;
      const auto entry = static_cast<std::size_t>(found - places_.span().begin());
      const TileStatus old = status(entry);
      const bool better = old == TileStatus::kFailed && tile.status == TileStatus::kDone;
      if (old != TileStatus::kPending && !better) continue;
      winners_.data()[entry] = {file, checked_cast<std::uint32_t>(row)};
      status_.data()[entry] = static_cast<std::uint8_t>(tile.status);
    }
  }

  [[nodiscard]] std::uint64_t size() const { return winners_.size(); }
  [[nodiscard]] const Winner& winner(std::uint64_t entry) const { return winners_.data()[entry]; }
  [[nodiscard]] TileStatus status(std::uint64_t entry) const {
    return static_cast<TileStatus>(status_.data()[entry]);
  }
  [[nodiscard]] std::uint32_t slide(std::uint64_t entry) const {
    return places_.data()[entry].slide;
  }

 private:
  static Place place(std::uint32_t slide, std::int64_t x, std::int64_t y) {
    return {slide, checked_cast<std::int32_t>(y), checked_cast<std::int32_t>(x)};
  }
  Buffer<Place> places_;
  Buffer<Winner> winners_;
  Buffer<std::uint8_t> status_;
};

/// A file's tiles and where the cells and points of each begin in it.
struct TileTable {
  std::uint32_t file = kNoFile;
  std::vector<RangeTile> tiles;
  std::vector<std::uint64_t> cell_first, point_first;
};

/// The tile tables of the files used last. Sample order visits the files nearly one by one; a grown
/// sample goes back and forth between the files of a few generations.
class TableCache {
 public:
  TableCache(const RunLayout& layout, const TaskSchema& schema,
             const std::vector<std::string>& files)
      : layout_(layout), schema_(schema), files_(files) {}

  const TileTable& get(std::uint32_t file) {
    const auto found = std::ranges::find(tables_, file, &TileTable::file);
    if (found != tables_.end()) {
      tables_.splice(tables_.begin(), tables_, found);
    } else {
      tables_.push_front(load(file));
      if (tables_.size() > kTables) tables_.pop_back();
    }
    return tables_.front();
  }

 private:
  static constexpr std::size_t kTables = 8;
  [[nodiscard]] TileTable load(std::uint32_t file) const {
    TileTable table;
    table.file = file;
    table.tiles =
        RangeReader(layout_.ranges_dir() / files_[file], schema_, RangeSeal::kTrust).tiles();
    std::uint64_t cells = 0;
    std::uint64_t points = 0;
    for (const RangeTile& tile : table.tiles) {
      table.cell_first.push_back(cells);
      table.point_first.push_back(points);
      cells += tile.n_cells;
      points += tile.n_points;
    }
    return table;
  }
  const RunLayout& layout_;
  const TaskSchema& schema_;
  const std::vector<std::string>& files_;
  std::list<TileTable> tables_;
};

/// `reason` in at most kReasonBytes bytes, not cut inside a UTF-8 character.
std::string short_reason(const std::string& reason) {
  std::string line = one_line(reason);
  if (line.empty()) line = "no reason given";
  if (line.size() <= kReasonBytes) return line;
  std::size_t end = kReasonBytes;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end);
}

/// A column that is written block after block.
template <h5::Element T>
class Stream {
 public:
  Stream(h5::File& file, const std::string& path, std::uint64_t rows)
      : dataset_(file.create_dataset<T>(path, {rows})) {}
  void append(const std::vector<T>& block) {
    dataset_.write(next_, std::span<const T>(block));
    next_ += block.size();
  }

 private:
  h5::Dataset dataset_;
  std::uint64_t next_ = 0;
};

struct SampleStreams {
  SampleStreams(h5::File& file, std::uint64_t n)
      : slide(file, "sample/slide", n),
        file_index(file, "sample/file", n),
        row(file, "sample/row", n),
        n_cells(file, "sample/n_cells", n),
        status(file, "sample/status", n),
        n_points(file, "sample/n_points", n),
        cell_first(file, "sample/cell_first", n),
        point_first(file, "sample/point_first", n),
        cell_begin(file, "sample/cell_begin", n + 1),
        point_begin(file, "sample/point_begin", n + 1),
        seconds(file, "sample/seconds", n) {}
  /// The begins of this block's entries; the last one, [n], comes with the end.
  void append(const SampleBlock& block) {
    slide.append(block.slide);
    file_index.append(block.file);
    row.append(block.row);
    n_cells.append(block.n_cells);
    status.append(block.status);
    n_points.append(block.n_points);
    cell_first.append(block.cell_first);
    point_first.append(block.point_first);
    cell_begin.append(block.cell_begin);
    point_begin.append(block.point_begin);
    seconds.append(block.seconds);
  }
  Stream<std::uint32_t> slide, file_index, row, n_cells;
  Stream<std::uint8_t> status;
  Stream<std::uint64_t> n_points, cell_first, point_first, cell_begin, point_begin;
  Stream<float> seconds;
};

struct FailureStreams {
  explicit FailureStreams(h5::File& file, std::uint64_t n)
      : sample(file, "failures/sample", n),
        slide(file, "failures/slide", n),
        reason(file.create_texts("failures/reason", n, kReasonBytes)) {}
  void append(const FailureBlock& block) {
    sample.append(block.sample);
    slide.append(block.slide);
    reason.write_texts(next, block.reason);
    next += block.sample.size();
  }
  Stream<std::uint64_t> sample;
  Stream<std::uint32_t> slide;
  h5::Dataset reason;
  std::uint64_t next = 0;
};

/// Adds one sample entry to the block; `summary` holds the running totals.
void add_entry(std::uint64_t entry, const Winners& winners, TableCache& tables,
               PackIndexSummary& summary, SampleBlock& block, FailureBlock& failures) {
  const Winner& winner = winners.winner(entry);
  const TileTable* table = winner.file == kNoFile ? nullptr : &tables.get(winner.file);
  const RangeTile tile = table == nullptr ? RangeTile{} : table->tiles.at(winner.row);
  check(tile.status == winners.status(entry), ErrorCode::kIo,
        "sample entry {}: its range file changed while it was indexed", entry);
  block.slide.push_back(winners.slide(entry));
  block.file.push_back(winner.file);
  block.row.push_back(winner.row);
  block.status.push_back(static_cast<std::uint8_t>(tile.status));
  block.n_cells.push_back(tile.n_cells);
  block.n_points.push_back(tile.n_points);
  block.cell_first.push_back(table == nullptr ? 0 : table->cell_first[winner.row]);
  block.point_first.push_back(table == nullptr ? 0 : table->point_first[winner.row]);
  block.seconds.push_back(tile.seconds);
  block.cell_begin.push_back(summary.cells);
  block.point_begin.push_back(summary.points);
  if (tile.status == TileStatus::kFailed) {
    failures.sample.push_back(entry);
    failures.slide.push_back(winners.slide(entry));
    failures.reason.push_back(short_reason(tile.reason));
  }
  summary.cells += tile.n_cells;
  summary.points += tile.n_points;
}

void write_entries(h5::File& file, const Winners& winners, TableCache& tables,
                   PackIndexSummary& summary) {
  SampleStreams samples(file, summary.samples);
  FailureStreams failed(file, summary.failed);
  for (std::uint64_t first = 0; first < summary.samples; first += kIndexBlock) {
    const std::uint64_t end = std::min(summary.samples, first + kIndexBlock);
    SampleBlock block;
    FailureBlock failures;
    for (std::uint64_t entry = first; entry < end; ++entry) {
      add_entry(entry, winners, tables, summary, block, failures);
    }
    samples.append(block);
    failed.append(failures);
  }
  samples.cell_begin.append({summary.cells});
  samples.point_begin.append({summary.points});
}

/// Names of the committed range files, in order.
std::vector<std::string> range_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".h5")) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

/// Enters every file that is whole and of this pipeline; notes the others.
void collect(const RunLayout& layout, const TaskSchema& schema, const std::string& pipeline_id,
             const std::vector<std::string>& names, Winners& winners, PackIndexSummary& summary) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::filesystem::path path = layout.ranges_dir() / names[i];
    try {
      const RangeReader range(path, schema);
      check(range.pipeline_id() == pipeline_id, ErrorCode::kHdf5,
            "{}: was made by pipeline {}, but this run is {}", path.string(), range.pipeline_id(),
            pipeline_id);
      range.verify();
      winners.add(checked_cast<std::uint32_t>(i), range.tiles());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kHdf5) throw;
      summary.damaged.emplace_back(one_line(error.what()));
    }
  }
}

}  // namespace

PackIndexSummary write_pack_index(const RunLayout& layout, const TaskSchema& schema,
                                  const std::filesystem::path& file_path, Budget* budget) {
  Budget unbounded(std::numeric_limits<std::size_t>::max());
  const PlanReader plan(layout.plan());
  Winners winners(plan, budget == nullptr ? unbounded : *budget);
  const std::vector<std::string> names = range_names(layout.ranges_dir());
  PackIndexSummary summary;
  collect(layout, schema, plan.head().pipeline_id, names, winners, summary);
  summary.samples = winners.size();
  for (std::uint64_t entry = 0; entry < summary.samples; ++entry) {
    summary.missing += winners.status(entry) == TileStatus::kPending ? 1 : 0;
    summary.failed += winners.status(entry) == TileStatus::kFailed ? 1 : 0;
  }
  AtomicFile target(file_path);
  h5::File file = h5::File::create(target.temp());
  set_format(file, kIndexFormat, kIndexVersion);
  file.set_text("job_id", plan.head().job_id);
  file.write_texts("files/name", names);
  TableCache tables(layout, schema, names);
  write_entries(file, winners, tables, summary);
  file.set("samples", summary.samples);
  file.set("missing", summary.missing);
  file.set("failed", summary.failed);
  file.set("cells", summary.cells);
  file.set("points", summary.points);
  file.close();
  target.commit();
  return summary;
}

}  // namespace tilepool
