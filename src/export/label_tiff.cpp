#include "export/label_tiff.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include <nlohmann/json.hpp>
#include <tiffio.h>

#include "common/annotation/region_mask.h"
#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/run/atomic_file.h"

namespace tilepool {
namespace {

constexpr std::int64_t kTile_px = 512;
constexpr std::int64_t kSmallestTile_px = 16;  // TIFF 6.0: tile edges are multiples of 16
constexpr std::int64_t kSmallestLevel_px = 1024;
constexpr std::int64_t kBlockTiles = 16;

struct Level {
  std::int64_t width, height;
  double scale;  ///< level-0 px per pixel
};

void close_tiff(TIFF* tiff) {
  if (tiff != nullptr) TIFFClose(tiff);
}

std::vector<Level> levels_of(const SlideInfo& slide) {
  std::vector<Level> levels = {{slide.width, slide.height, 1}};
  while (std::max(levels.back().width, levels.back().height) >= kSmallestLevel_px) {
    const Level& fine = levels.back();
    const Level coarse{fine.width / 2, fine.height / 2, fine.scale * 2};
    if (coarse.width < kSmallestTile_px || coarse.height < kSmallestTile_px) break;
    levels.push_back(coarse);
  }
  return levels;
}

// libtiff 4.5.0 misreads images that are smaller than their tiles (TIFFReadRGBATile).
std::int64_t tile_edge(const Level& level) {
  const std::int64_t least = std::min(level.width, level.height) / kSmallestTile_px;
  return std::clamp(least * kSmallestTile_px, kSmallestTile_px, kTile_px);
}

std::string description(const std::vector<AnnotationClass>& classes) {
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  for (const AnnotationClass& one : classes) values[one.name] = one.value;
  const nlohmann::ordered_json document = {{"tilepool", "annotation labels"}, {"values", values}};
  return document.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

class LabelTiff {
 public:
  LabelTiff(const std::filesystem::path& temp, const std::filesystem::path& file,
            const SlideInfo& slide, const ClassMask& mask)
      : slide_(slide),
        mask_(mask),
        name_(file.string()),
        tiff_(TIFFOpen(temp.c_str(), "w8"), close_tiff) {
    check(tiff_ != nullptr, ErrorCode::kIo, "cannot create {}", temp.string());
  }

  void write(const std::string& text, const std::function<bool()>& stop_asked) {
    bool first = true;
    for (const Level& level : levels_of(slide_)) {
      if (!first)
        check(TIFFWriteDirectory(tiff_.get()) == 1, ErrorCode::kIo,
              "cannot write a level of {}: is the disk full?", name_);
      begin_level(level, first ? text : "", !first);
      const std::int64_t tile = tile_edge(level);
      for (std::int64_t y = 0; y < level.height; y += tile) {
        check(!stop_asked(), ErrorCode::kStopped, "stopped; {} was not written", name_);
        for (std::int64_t x = 0; x < level.width; x += tile * kBlockTiles)
          write_block(level, tile, x, y);
      }
      first = false;
    }
    check(TIFFFlush(tiff_.get()) == 1, ErrorCode::kIo, "cannot finish {}: is the disk full?",
          name_);
  }

 private:
  void begin_level(const Level& level, const std::string& text, bool reduced) {
    TIFF* tiff = tiff_.get();
    TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, reduced ? FILETYPE_REDUCEDIMAGE : 0);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, checked_cast<std::uint32_t>(level.width));
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, checked_cast<std::uint32_t>(level.height));
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, checked_cast<std::uint32_t>(tile_edge(level)));
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, checked_cast<std::uint32_t>(tile_edge(level)));
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff, TIFFTAG_SOFTWARE, "tilepool annotations");
    if (!text.empty()) TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, text.c_str());
    if (!std::isfinite(slide_.mpp_x) || !std::isfinite(slide_.mpp_y)) return;
    constexpr double kUmPerCm = 10000;
    TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
    TIFFSetField(tiff, TIFFTAG_XRESOLUTION, kUmPerCm / (slide_.mpp_x * level.scale));
    TIFFSetField(tiff, TIFFTAG_YRESOLUTION, kUmPerCm / (slide_.mpp_y * level.scale));
  }

  /// Some tiles side by side, painted at once. What sticks out of the level is 0.
  void write_block(const Level& level, std::int64_t tile, std::int64_t x, std::int64_t y) {
    const std::int64_t width = std::min(level.width - x, tile * kBlockTiles);
    const std::int64_t height = std::min(level.height - y, tile);
    labels_.resize(static_cast<std::size_t>(width * height));
    scratch_.resize(2 * labels_.size());
    const ImageView<std::uint8_t> labels(labels_.data(), width, height, width);
    mask_.paint({0, 0, level.scale}, {x, y}, labels, {scratch_.data(), width, 2 * height, width});
    for (std::int64_t left = 0; left < width; left += tile) {
      tile_.assign(static_cast<std::size_t>(tile * tile), 0);
      for (std::int64_t row = 0; row < height; ++row)
        std::copy_n(labels.row(row) + left, std::min(tile, width - left),
                    tile_.data() + row * tile);
      const auto index = TIFFComputeTile(tiff_.get(), checked_cast<std::uint32_t>(x + left),
                                         checked_cast<std::uint32_t>(y), 0, 0);
      check(TIFFWriteEncodedTile(tiff_.get(), index, tile_.data(),
                                 static_cast<tmsize_t>(tile_.size())) >= 0,
            ErrorCode::kIo, "cannot write to {}: is the disk full?", name_);
    }
  }

  const SlideInfo& slide_;
  const ClassMask& mask_;
  const std::string name_;
  std::unique_ptr<TIFF, void (*)(TIFF*)> tiff_;
  std::vector<std::uint8_t> labels_, scratch_, tile_;
};

}  // namespace

void write_label_tiff(const std::filesystem::path& file, const SlideInfo& slide,
                      const std::vector<Region>& regions,
                      const std::vector<AnnotationClass>& classes,
                      const std::function<bool()>& stop_asked) {
  const ClassMask mask(regions, classes);
  AtomicFile target(file);
  LabelTiff(target.temp(), file, slide, mask).write(description(classes), stop_asked);
  target.commit();
}

}  // namespace tilepool
