#include <algorithm>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/run/format_check.h"
#include "common/run/plan_file.h"
#include "common/run/plan_schema.h"
#include "common/run/seal.h"

namespace tilepool {
namespace {

constexpr std::string_view kRemedy =
    "; delete it and run the same command again: what is committed is kept";

/// Sample entries whose pool rows lie within so many rows are read with one contiguous read.
constexpr std::uint64_t kSpanRows = kPlanChunkRows;

template <h5::Element T>
std::vector<T> read_rows(const h5::Dataset& column, std::uint64_t first, std::uint64_t count) {
  std::vector<T> values(checked_cast<std::size_t>(count));
  column.read(first, std::span<T>(values));
  return values;
}

template <h5::Element T>
void read_member(const h5::Dataset& column, std::uint64_t first, std::vector<PoolTile>& rows,
                 T PoolTile::*member) {
  const auto values = read_rows<T>(column, first, rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].*member = values[i];
}

template <h5::Element T>
void read_slide_numbers(const h5::File& file, const char* name, std::vector<PlanSlide>& slides,
                        T PlanSlide::*member) {
  const auto column = file.read_column<T>(std::string("slides/") + name);
  check(column.size() == slides.size(), ErrorCode::kHdf5, "{}: /slides/{} has {} rows, expected {}",
        file.where(), name, column.size(), slides.size());
  for (std::size_t i = 0; i < slides.size(); ++i) slides[i].*member = column[i];
}

void read_slide_texts(const h5::File& file, const char* name, std::vector<PlanSlide>& slides,
                      std::string PlanSlide::*member) {
  std::vector<std::string> column = file.read_texts(std::string("slides/") + name);
  check(column.size() == slides.size(), ErrorCode::kHdf5, "{}: /slides/{} has {} rows, expected {}",
        file.where(), name, column.size(), slides.size());
  for (std::size_t i = 0; i < slides.size(); ++i) slides[i].*member = std::move(column[i]);
}

PlanHead read_head(const h5::File& file) {
  check_format(file, kPlanFormat, kPlanVersion);
  PlanHead head;
  head.generation = file.get<std::uint32_t>("generation");
  head.seed = file.get<std::uint64_t>("seed");
  head.job_id = file.text("job_id");
  head.pipeline_id = file.text("pipeline_id");
  head.variance_threshold = file.get<double>("variance_threshold");
  head.config = file.text("config");
  return head;
}

}  // namespace

struct PlanReader::Impl {
  explicit Impl(const std::filesystem::path& path)
      : file(open_sealed(path, kRemedy)),
        head(read_head(file)),
        slide(file.open_dataset("pool/slide")),
        x(file.open_dataset("pool/x")),
        y(file.open_dataset("pool/y")),
        w(file.open_dataset("pool/w")),
        h(file.open_dataset("pool/h")),
        fraction(file.open_dataset("pool/tissue_fraction")),
        key(file.open_dataset("pool/key")),
        sample(file.open_dataset("sample/pool")),
        carried(file.open_dataset("sample/carried")) {}
  h5::File file;
  PlanHead head;
  h5::Dataset slide, x, y, w, h, fraction, key, sample, carried;
};

PlanReader::PlanReader(const std::filesystem::path& file) : impl_(std::make_unique<Impl>(file)) {}
PlanReader::~PlanReader() = default;

const PlanHead& PlanReader::head() const { return impl_->head; }
std::uint64_t PlanReader::pool_size() const { return impl_->slide.rows(); }
std::uint64_t PlanReader::sample_size() const { return impl_->sample.rows(); }

std::vector<PlanSlide> PlanReader::slides() const {
  const h5::File& file = impl_->file;
  std::vector<PlanSlide> slides(checked_cast<std::size_t>(file.open_dataset("slides/id").rows()));
  read_slide_texts(file, "id", slides, &PlanSlide::id);
  read_slide_texts(file, "path", slides, &PlanSlide::path);
  read_slide_texts(file, "group", slides, &PlanSlide::group);
  read_slide_texts(file, "vendor", slides, &PlanSlide::vendor);
  read_slide_texts(file, "status", slides, &PlanSlide::status);
  read_slide_texts(file, "reason", slides, &PlanSlide::reason);
  read_slide_texts(file, "fingerprint", slides, &PlanSlide::fingerprint);
  if (file.exists("slides/reader")) read_slide_texts(file, "reader", slides, &PlanSlide::reader);
  read_slide_numbers(file, "width", slides, &PlanSlide::width);
  read_slide_numbers(file, "height", slides, &PlanSlide::height);
  read_slide_numbers(file, "mpp_x", slides, &PlanSlide::mpp_x);
  read_slide_numbers(file, "mpp_y", slides, &PlanSlide::mpp_y);
  read_slide_numbers(file, "n_grid", slides, &PlanSlide::n_grid);
  read_slide_numbers(file, "n_pool", slides, &PlanSlide::n_pool);
  read_slide_numbers(file, "n_sample", slides, &PlanSlide::n_sample);
  read_slide_numbers(file, "core_px", slides, &PlanSlide::core_px);
  read_slide_numbers(file, "modality", slides, &PlanSlide::modality);
  return slides;
}

std::vector<PoolTile> PlanReader::pool(std::uint64_t first, std::uint64_t count) const {
  std::vector<PoolTile> rows(checked_cast<std::size_t>(count));
  read_member(impl_->slide, first, rows, &PoolTile::slide);
  read_member(impl_->x, first, rows, &PoolTile::x);
  read_member(impl_->y, first, rows, &PoolTile::y);
  read_member(impl_->w, first, rows, &PoolTile::w);
  read_member(impl_->h, first, rows, &PoolTile::h);
  read_member(impl_->fraction, first, rows, &PoolTile::tissue_fraction);
  read_member(impl_->key, first, rows, &PoolTile::key);
  return rows;
}

std::vector<std::uint64_t> PlanReader::sample(std::uint64_t first, std::uint64_t count) const {
  return read_rows<std::uint64_t>(impl_->sample, first, count);
}

std::vector<std::uint8_t> PlanReader::carried(std::uint64_t first, std::uint64_t count) const {
  return read_rows<std::uint8_t>(impl_->carried, first, count);
}

std::vector<PoolTile> PlanReader::sample_tiles(std::uint64_t first, std::uint64_t count) const {
  const std::vector<std::uint64_t> wanted = sample(first, count);
  check(std::is_sorted(wanted.begin(), wanted.end()), ErrorCode::kHdf5,
        "{}: is damaged: the indices in /sample/pool do not ascend", impl_->file.where());
  std::vector<PoolTile> tiles;
  tiles.reserve(wanted.size());
  for (std::size_t i = 0; i < wanted.size();) {
    std::size_t end = i + 1;
    while (end < wanted.size() && wanted[end] - wanted[i] < kSpanRows) ++end;
    const std::vector<PoolTile> rows = pool(wanted[i], wanted[end - 1] - wanted[i] + 1);
    for (std::size_t k = i; k < end; ++k) tiles.push_back(rows[wanted[k] - wanted[i]]);
    i = end;
  }
  return tiles;
}

}  // namespace tilepool
