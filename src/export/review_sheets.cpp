#include "export/review_sheets.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/base/image_view.h"
#include "common/base/system.h"
#include "common/slide/fingerprint.h"
#include "common/slide/source.h"
#include "export/out_file.h"
#include "export/webp.h"

namespace tilepool {
namespace {

/// libwebp's own default; docs/performance.md has sizes.
constexpr float kQuality = 75;
constexpr std::uint8_t kGrey = 128;

std::unique_ptr<SlideSource> open_same(const ResultsSlide& slide) {
  auto source = open_slide(slide.path, std::nullopt);
  const std::string found = slide_fingerprint(slide.path);
  check(found == slide.fingerprint, ErrorCode::kSlide,
        "{} is not the file of the run any more: fingerprint {}, expected {}", slide.path, found,
        slide.fingerprint);
  return source;
}

/// Threads that take sheet after sheet.
class SheetWriters {
 public:
  SheetWriters(const SheetJob& job, SlideSource& source, ExportWatch& watch)
      : job_(job),
        source_(source),
        watch_(watch),
        n_sheets_((job.x.size() + kSheetCells - 1) / kSheetCells),
        n_threads_(std::min<std::size_t>(static_cast<std::size_t>(cpu_cores_granted()),
                                         std::max<std::size_t>(1, n_sheets_))) {}

  SheetsWritten run() {
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < n_threads_; ++i) threads.emplace_back([this] { work(); });
    }
    source_.expect(0, {});
    if (failure_) std::rethrow_exception(failure_);
    return written_;
  }

 private:
  /// The next sheet, or nothing when all are taken or one failed.
  std::optional<std::size_t> take() {
    const std::scoped_lock lock(mutex_);
    if (failure_ || next_ == n_sheets_) return std::nullopt;
    const std::size_t sheet = next_++;
    const std::size_t begin = sheet < n_threads_ ? 0 : (sheet - n_threads_) * kSheetCells;
    const std::size_t end = std::min(job_.x.size(), (sheet + 2) * kSheetCells);
    std::vector<Rect> regions;
    for (std::size_t i = begin; i < end; ++i) regions.push_back(crop(i));
    source_.expect(0, regions);
    return sheet;
  }

  void work() {
    try {
      while (const auto sheet = take()) {
        const std::size_t begin = *sheet * kSheetCells;
        const std::size_t end = std::min(job_.x.size(), begin + kSheetCells);
        const std::uint64_t bytes = write(*sheet, begin, end);
        const std::scoped_lock lock(mutex_);
        written_.bytes += bytes;
        watch_.advance(end - begin);
      }
    } catch (const std::exception&) {
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  std::uint64_t write(std::size_t sheet, std::size_t begin, std::size_t end) {
    const std::int64_t edge = job_.crop_px;
    const auto n = static_cast<std::int64_t>(end - begin);
    const std::int64_t width = kSheetColumns * edge;
    const std::int64_t height = (n + kSheetColumns - 1) / kSheetColumns * edge;
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width * height * 3), kGrey);
    const RgbView image(pixels.data(), width, height, width * 3);
    for (std::int64_t i = 0; i < n; ++i)
      read(begin + static_cast<std::size_t>(i),
           image.window(i % kSheetColumns * edge, i / kSheetColumns * edge, edge, edge));
    const std::string webp = encode_webp(image, kQuality);
    OutFile file(job_.folder / fmt::format("{:06}.webp", job_.first_sheet + sheet),
                 OutFile::Form::kPlain);
    file.write(webp);
    file.close();
    return webp.size();
  }

  void read(std::size_t cell, RgbView out) {
    const Rect at = crop(cell);
    try {
      source_.read(0, at.x, at.y, out);
      job_.picture[cell] = 1;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kSlide) throw;
      for (std::int64_t y = 0; y < out.height; ++y) std::fill_n(out.row(y), 3 * out.width, kGrey);
      const std::scoped_lock lock(mutex_);
      if (written_.problem.empty()) written_.problem = one_line(error.what());
    }
  }

  [[nodiscard]] Rect crop(std::size_t cell) const {
    return {crop_corner(job_.x[cell], job_.crop_px), crop_corner(job_.y[cell], job_.crop_px),
            job_.crop_px, job_.crop_px};
  }

  const SheetJob& job_;
  SlideSource& source_;
  ExportWatch& watch_;
  const std::size_t n_sheets_, n_threads_;
  std::mutex mutex_;  ///< guards what follows
  std::size_t next_ = 0;
  SheetsWritten written_;
  std::exception_ptr failure_;
};

}  // namespace

std::int64_t crop_corner(double centre, std::int64_t crop_px) {
  return static_cast<std::int64_t>(std::floor(centre)) - crop_px / 2;
}

SheetsWritten write_sheets(const SheetJob& job, ExportWatch& watch) {
  if (job.x.empty()) return {};
  std::unique_ptr<SlideSource> source;
  try {
    source = open_same(job.slide);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kSlide) throw;
    watch.advance(job.x.size());
    return {0, one_line(error.what())};
  }
  return SheetWriters(job, *source, watch).run();
}

}  // namespace tilepool
