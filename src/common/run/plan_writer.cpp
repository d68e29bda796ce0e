#include <algorithm>
#include <optional>

#include "common/base/error.h"
#include "common/run/atomic_file.h"
#include "common/run/format_check.h"
#include "common/run/plan_file.h"
#include "common/run/plan_schema.h"
#include "common/run/seal.h"

namespace tilepool {
namespace {

/// One extendible column that grows chunk by chunk.
template <h5::Element T, class Row>
class GrowingColumn {
 public:
  GrowingColumn(h5::File& file, const std::string& path, std::uint64_t chunk_rows, T Row::*member)
      : dataset_(file.create_dataset<T>(path, {0}, h5::Layout{{chunk_rows}, true, {}})),
        member_(member) {}
  void append(std::span<const Row> rows) {
    block_.clear();
    for (const Row& row : rows) block_.push_back(row.*member_);
    const std::uint64_t first = dataset_.rows();
    dataset_.resize(first + rows.size());
    dataset_.write(first, std::span<const T>(block_));
  }

 private:
  h5::Dataset dataset_;
  T Row::*member_;
  std::vector<T> block_;
};

struct PoolColumns {
  PoolColumns(h5::File& file, std::uint64_t chunk_rows)
      : slide(file, "pool/slide", chunk_rows, &PoolTile::slide),
        x(file, "pool/x", chunk_rows, &PoolTile::x),
        y(file, "pool/y", chunk_rows, &PoolTile::y),
        w(file, "pool/w", chunk_rows, &PoolTile::w),
        h(file, "pool/h", chunk_rows, &PoolTile::h),
        fraction(file, "pool/tissue_fraction", chunk_rows, &PoolTile::tissue_fraction),
        key(file, "pool/key", chunk_rows, &PoolTile::key) {}
  void append(std::span<const PoolTile> rows) {
    slide.append(rows);
    x.append(rows);
    y.append(rows);
    w.append(rows);
    h.append(rows);
    fraction.append(rows);
    key.append(rows);
  }
  GrowingColumn<std::uint32_t, PoolTile> slide;
  GrowingColumn<std::int64_t, PoolTile> x, y;
  GrowingColumn<std::int32_t, PoolTile> w, h;
  GrowingColumn<float, PoolTile> fraction;
  GrowingColumn<std::uint64_t, PoolTile> key;
};

}  // namespace

void write_slide_texts(h5::File& file, const char* name, std::span<const PlanSlide> slides,
                       std::string PlanSlide::*member) {
  std::vector<std::string> column;
  for (const PlanSlide& slide : slides) column.push_back(slide.*member);
  file.write_texts(std::string("slides/") + name, column);
}

/// Pool rows are held back until a chunk is full, so that a small pool gets small chunks.
struct PlanWriter::Impl {
  explicit Impl(std::filesystem::path final_path)
      : target(std::move(final_path)), file(h5::File::create(target.temp())) {}

  void flush() {
    if (held.empty()) return;
    if (!columns) columns.emplace(file, held.size());
    columns->append(held);
    held.clear();
    file.check_written();
  }

  AtomicFile target;
  h5::File file;
  std::optional<PoolColumns> columns;
  std::vector<PoolTile> held;
  std::uint64_t pool_rows = 0;
  bool slides_written = false;
  bool sample_written = false;
};

PlanWriter::PlanWriter(std::filesystem::path final_path, const PlanHead& head)
    : impl_(std::make_unique<Impl>(std::move(final_path))) {
  h5::File& file = impl_->file;
  set_format(file, kPlanFormat, kPlanVersion);
  file.set("generation", head.generation);
  file.set("seed", head.seed);
  file.set_text("job_id", head.job_id);
  file.set_text("pipeline_id", head.pipeline_id);
  file.set("variance_threshold", head.variance_threshold);
  file.set_text("config", head.config);
}

PlanWriter::~PlanWriter() = default;

void PlanWriter::write_slides(std::span<const PlanSlide> slides) {
  check(!impl_->slides_written, ErrorCode::kInternal, "plan: slides written twice");
  h5::File& file = impl_->file;
  write_slide_texts(file, "id", slides, &PlanSlide::id);
  write_slide_texts(file, "path", slides, &PlanSlide::path);
  write_slide_texts(file, "group", slides, &PlanSlide::group);
  write_slide_texts(file, "vendor", slides, &PlanSlide::vendor);
  write_slide_texts(file, "status", slides, &PlanSlide::status);
  write_slide_texts(file, "reason", slides, &PlanSlide::reason);
  write_slide_texts(file, "fingerprint", slides, &PlanSlide::fingerprint);
  write_slide_texts(file, "reader", slides, &PlanSlide::reader);
  write_slide_numbers(file, "width", slides, &PlanSlide::width);
  write_slide_numbers(file, "height", slides, &PlanSlide::height);
  write_slide_numbers(file, "mpp_x", slides, &PlanSlide::mpp_x);
  write_slide_numbers(file, "mpp_y", slides, &PlanSlide::mpp_y);
  write_slide_numbers(file, "n_grid", slides, &PlanSlide::n_grid);
  write_slide_numbers(file, "n_pool", slides, &PlanSlide::n_pool);
  write_slide_numbers(file, "n_sample", slides, &PlanSlide::n_sample);
  write_slide_numbers(file, "core_px", slides, &PlanSlide::core_px);
  write_slide_numbers(file, "modality", slides, &PlanSlide::modality);
  impl_->slides_written = true;
}

void PlanWriter::append_pool(std::span<const PoolTile> tiles) {
  check(!impl_->sample_written, ErrorCode::kInternal, "plan: pool rows come before the sample");
  while (!tiles.empty()) {
    const std::size_t room = kPlanChunkRows - impl_->held.size();
    const auto part = tiles.first(std::min(room, tiles.size()));
    impl_->held.insert(impl_->held.end(), part.begin(), part.end());
    impl_->pool_rows += part.size();
    if (impl_->held.size() == kPlanChunkRows) impl_->flush();
    tiles = tiles.subspan(part.size());
  }
}

void PlanWriter::write_sample(std::span<const std::uint64_t> pool_index,
                              std::span<const std::uint8_t> carried) {
  check(impl_->slides_written && !impl_->sample_written, ErrorCode::kInternal,
        "plan: the sample is written once, after the pool");
  check(pool_index.size() == carried.size(), ErrorCode::kInternal,
        "plan: {} sample entries, but {} carried flags", pool_index.size(), carried.size());
  for (std::size_t i = 0; i < pool_index.size(); ++i) {
    check(pool_index[i] < impl_->pool_rows && (i == 0 || pool_index[i - 1] < pool_index[i]),
          ErrorCode::kInternal, "plan: sample entry {} (pool row {} of {}) is out of order", i,
          pool_index[i], impl_->pool_rows);
  }
  impl_->flush();
  if (!impl_->columns) impl_->columns.emplace(impl_->file, 1);
  impl_->file.write_column("sample/pool", pool_index);
  impl_->file.write_column("sample/carried", carried);
  impl_->sample_written = true;
}

void PlanWriter::commit() {
  check(impl_->sample_written, ErrorCode::kInternal, "plan: committed without a sample");
  impl_->columns.reset();
  impl_->file.close();
  seal(impl_->target.temp());
  impl_->target.commit();
}

}  // namespace tilepool
