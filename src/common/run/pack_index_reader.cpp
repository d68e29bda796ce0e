#include "common/base/checked.h"
#include "common/run/format_check.h"
#include "common/run/pack_index.h"

namespace tilepool {
namespace {

template <h5::Element T>
std::vector<T> rows(const h5::File& file, const std::string& path, std::uint64_t first,
                    std::uint64_t count) {
  std::vector<T> values(checked_cast<std::size_t>(count));
  file.open_dataset(path).read(first, std::span<T>(values));
  return values;
}

}  // namespace

PackIndexReader::PackIndexReader(const std::filesystem::path& path) : file_(h5::File::open(path)) {
  check_format(file_, kIndexFormat, kIndexVersion);
  job_id_ = file_.text("job_id");
  samples_ = file_.get<std::uint64_t>("samples");
  cells_ = file_.get<std::uint64_t>("cells");
  points_ = file_.get<std::uint64_t>("points");
  missing_ = file_.get<std::uint64_t>("missing");
  failures_ = file_.get<std::uint64_t>("failed");
  files_ = file_.read_texts("files/name");
}

SampleBlock PackIndexReader::block(std::uint64_t first, std::uint64_t count) const {
  SampleBlock block;
  block.first = first;
  block.slide = rows<std::uint32_t>(file_, "sample/slide", first, count);
  block.file = rows<std::uint32_t>(file_, "sample/file", first, count);
  block.row = rows<std::uint32_t>(file_, "sample/row", first, count);
  block.status = rows<std::uint8_t>(file_, "sample/status", first, count);
  block.n_cells = rows<std::uint32_t>(file_, "sample/n_cells", first, count);
  block.n_points = rows<std::uint64_t>(file_, "sample/n_points", first, count);
  block.cell_first = rows<std::uint64_t>(file_, "sample/cell_first", first, count);
  block.point_first = rows<std::uint64_t>(file_, "sample/point_first", first, count);
  block.seconds = rows<float>(file_, "sample/seconds", first, count);
  block.cell_begin = rows<std::uint64_t>(file_, "sample/cell_begin", first, count + 1);
  block.point_begin = rows<std::uint64_t>(file_, "sample/point_begin", first, count + 1);
  return block;
}

FailureBlock PackIndexReader::failure_block(std::uint64_t first, std::uint64_t count) const {
  return {rows<std::uint64_t>(file_, "failures/sample", first, count),
          rows<std::uint32_t>(file_, "failures/slide", first, count),
          file_.open_dataset("failures/reason").read_texts(first, count)};
}

std::uint64_t PackIndexReader::entry_of(const std::string& begin, std::uint64_t row) const {
  const h5::Dataset column = file_.open_dataset("sample/" + begin);
  std::uint64_t low = 0;  // begin[low] <= row < begin[high]
  std::uint64_t high = samples_;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    std::uint64_t value = 0;
    column.read(middle, std::span(&value, 1));
    (value <= row ? low : high) = middle;
  }
  return low;
}

}  // namespace tilepool
