#include "synth/pyramid_writer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include <tiffio.h>
#include <turbojpeg.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::int64_t kSmallestLevel = 512;
constexpr double kBigTiffBytes = 2e9;
constexpr double kJpegBytesPerPixel = 1.0;  // never reached by these slides at quality <= 95

void close_tiff(TIFF* tiff) {
  if (tiff != nullptr) TIFFClose(tiff);
}

double expected_bytes(const PyramidOptions& o) {
  const double pixels = static_cast<double>(o.width) * static_cast<double>(o.height) * 4 / 3;
  return pixels * (o.jpeg ? kJpegBytesPerPixel : 3);
}

}  // namespace

/// One level and its row of tiles that is being filled.
struct PyramidWriter::Level {
  std::int64_t width = 0, height = 0;
  std::int64_t columns = 0, rows = 0;  ///< of tiles
  std::int64_t row = 0;                ///< the row of tiles that is being filled
  std::int64_t filled = 0;             ///< pixel rows of it that are there
  std::vector<std::uint8_t> pixels;    ///< [tile_px][columns * tile_px][3]
  std::vector<std::uint64_t> spooled;  ///< bytes of each tile in the spool, levels > 0
  std::vector<std::uint64_t> offsets;  ///< and where they begin

  [[nodiscard]] std::int64_t stride(std::int64_t tile_px) const { return 3 * columns * tile_px; }
};

PyramidWriter::PyramidWriter(const std::filesystem::path& path, const PyramidOptions& options)
    : path_(path), options_(options), tiff_(nullptr, close_tiff), spool_(nullptr, std::fclose) {
  tiff_.reset(TIFFOpen(path.c_str(), expected_bytes(options) > kBigTiffBytes ? "w8" : "w"));
  check(tiff_ != nullptr, ErrorCode::kIo, "cannot create {}", path.string());
  const std::string spool_path = path.string() + ".spool";
  spool_.reset(std::fopen(spool_path.c_str(), "wb+"));
  check(spool_ != nullptr, ErrorCode::kIo, "cannot create {}: {}", spool_path, errno_text(errno));
  std::filesystem::remove(spool_path);  // it lives on until it is closed
  std::int64_t width = options.width;
  std::int64_t height = options.height;
  while (true) {
    Level level;
    level.width = width;
    level.height = height;
    level.columns = ceil_div(width, options.tile_px);
    level.rows = ceil_div(height, options.tile_px);
    level.pixels.resize(static_cast<std::size_t>(level.stride(options.tile_px) * options.tile_px));
    levels_.push_back(std::move(level));
    width /= 2;
    height /= 2;
    if (std::max(width, height) < kSmallestLevel || std::min(width, height) < options.tile_px)
      break;
  }
  for (int i = 0; i < options.threads; ++i) {
    encoders_.emplace_back(tjInitCompress(), [](void* handle) { tjDestroy(handle); });
  }
}

PyramidWriter::~PyramidWriter() = default;

void PyramidWriter::write(const Paint& paint) {
  begin_directory(levels_[0], false);
  const std::int64_t tile = options_.tile_px;
  Level& base = levels_[0];
  for (base.row = 0; base.row < base.rows;) {
    const std::int64_t stride = base.stride(tile);
    for_each_column(base.columns, [&](int thread, std::int64_t column) {
      const RgbView part{base.pixels.data() + 3 * column * tile, tile, tile, stride};
      paint(thread, column * tile, base.row * tile, part);
    });
    base.filled = std::min(tile, base.height - base.row * tile);
    finish_row(0);
  }
  append_spooled_levels();
  check(TIFFFlush(tiff_.get()) == 1, ErrorCode::kIo, "cannot finish {}: is the disk full?",
        path_.string());
}

/// Runs work(thread, column) for every column; errors of threads come out here.
void PyramidWriter::for_each_column(std::int64_t columns,
                                    const std::function<void(int, std::int64_t)>& work) const {
  std::atomic<std::int64_t> next{0};
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(options_.threads));
  const auto loop = [&](int thread) {
    try {
      for (std::int64_t column = next++; column < columns; column = next++) work(thread, column);
    } catch (const std::exception&) {
      errors[static_cast<std::size_t>(thread)] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 1; thread < options_.threads; ++thread) threads.emplace_back(loop, thread);
    loop(0);
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

void PyramidWriter::begin_directory(const Level& level, bool reduced) {
  TIFF* tiff = tiff_.get();
  const auto per_cm =
      static_cast<float>(10000 / options_.mpp_um * static_cast<double>(level.width) /
                         static_cast<double>(options_.width));
  TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, reduced ? FILETYPE_REDUCEDIMAGE : 0);
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, checked_cast<std::uint32_t>(level.width));
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, checked_cast<std::uint32_t>(level.height));
  TIFFSetField(tiff, TIFFTAG_TILEWIDTH, checked_cast<std::uint32_t>(options_.tile_px));
  TIFFSetField(tiff, TIFFTAG_TILELENGTH, checked_cast<std::uint32_t>(options_.tile_px));
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, options_.jpeg ? COMPRESSION_JPEG : COMPRESSION_NONE);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, options_.jpeg ? PHOTOMETRIC_YCBCR : PHOTOMETRIC_RGB);
  if (options_.jpeg) {
    TIFFSetField(tiff, TIFFTAG_YCBCRSUBSAMPLING, 2, 2);
    // Each tile is a complete JPEG stream, so there are no shared tables.
    TIFFSetField(tiff, TIFFTAG_JPEGTABLESMODE, 0);
  }
  TIFFSetField(tiff, TIFFTAG_XRESOLUTION, per_cm);
  TIFFSetField(tiff, TIFFTAG_YRESOLUTION, per_cm);
  TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
  TIFFSetField(tiff, TIFFTAG_SOFTWARE, "tilepool synth");
}

PyramidWriter::Tile PyramidWriter::encode(const Level& level, std::int64_t column,
                                          int thread) const {
  const std::int64_t tile = options_.tile_px;
  const std::uint8_t* from = level.pixels.data() + 3 * column * tile;
  if (!options_.jpeg) {
    Tile bytes(static_cast<std::size_t>(3 * tile * tile));
    for (std::int64_t y = 0; y < tile; ++y) {
      std::memcpy(bytes.data() + 3 * tile * y, from + level.stride(tile) * y,
                  static_cast<std::size_t>(3 * tile));
    }
    return bytes;
  }
  const auto edge = static_cast<int>(tile);
  Tile bytes(tjBufSize(edge, edge, TJSAMP_420));
  unsigned char* out = bytes.data();
  unsigned long size = bytes.size();  // NOLINT(google-runtime-int): turbojpeg's signature
  void* encoder = encoders_[static_cast<std::size_t>(thread)].get();
  const int status =
      tjCompress2(encoder, from, edge, static_cast<int>(level.stride(tile)), edge, TJPF_RGB, &out,
                  &size, TJSAMP_420, options_.jpeg_quality, TJFLAG_NOREALLOC);
  check(status == 0, ErrorCode::kInternal, "turbojpeg: {}", tjGetErrorStr2(encoder));
  bytes.resize(size);
  return bytes;
}

/// Encodes and stores the filled row of tiles, hands it to the next level, and begins the next row.
void PyramidWriter::finish_row(std::size_t index) {
  Level& level = levels_[index];
  const std::int64_t stride = level.stride(options_.tile_px);
  for (std::int64_t y = level.filled; index > 0 && y < options_.tile_px; ++y) {
    std::memcpy(level.pixels.data() + y * stride, level.pixels.data() + (y - 1) * stride,
                static_cast<std::size_t>(stride));
  }
  std::vector<Tile> tiles(static_cast<std::size_t>(level.columns));
  for_each_column(level.columns, [&](int thread, std::int64_t column) {
    tiles[static_cast<std::size_t>(column)] = encode(level, column, thread);
  });
  for (std::int64_t column = 0; column < level.columns; ++column) {
    write_tile(index, checked_cast<std::uint32_t>(level.row * level.columns + column),
               tiles[static_cast<std::size_t>(column)]);
  }
  if (index + 1 < levels_.size()) shrink_row(index);
  ++level.row;
  level.filled = 0;
}

void PyramidWriter::write_tile(std::size_t index, std::uint32_t tile, const Tile& bytes) {
  if (index == 0) {
    const auto size = static_cast<tmsize_t>(bytes.size());
    // libtiff does not change the bytes, its signature only forgot to say so.
    const auto written =
        TIFFWriteRawTile(tiff_.get(), tile, const_cast<std::uint8_t*>(bytes.data()), size);
    check(written == size, ErrorCode::kIo, "cannot write tile {} of {}: is the disk full?", tile,
          path_.string());
    return;
  }
  Level& level = levels_[index];
  level.offsets.push_back(static_cast<std::uint64_t>(::ftello(spool_.get())));
  level.spooled.push_back(bytes.size());
  check(std::fwrite(bytes.data(), 1, bytes.size(), spool_.get()) == bytes.size(), ErrorCode::kIo,
        "cannot write beside {}: {}", path_.string(), errno_text(errno));
}

/// 2 x 2 means of the filled row go into the level above, which is finished whenever it is full.
void PyramidWriter::shrink_row(std::size_t index) {
  const std::int64_t tile = options_.tile_px;
  const Level& fine = levels_[index];
  Level& coarse = levels_[index + 1];
  const std::int64_t in_stride = fine.stride(tile);
  for (std::int64_t y = 0; y + 1 < fine.filled; y += 2) {
    if (coarse.row * tile + coarse.filled >= coarse.height) break;
    const std::uint8_t* top = fine.pixels.data() + y * in_stride;
    const std::uint8_t* bottom = top + in_stride;
    std::uint8_t* out = coarse.pixels.data() + coarse.filled * coarse.stride(tile);
    for (std::int64_t x = 0; x < coarse.width; ++x, top += 6, bottom += 6, out += 3) {
      for (int c = 0; c < 3; ++c) {
        out[c] =
            static_cast<std::uint8_t>((top[c] + top[c + 3] + bottom[c] + bottom[c + 3] + 2) / 4);
      }
    }
    std::uint8_t* end = coarse.pixels.data() + (coarse.filled + 1) * coarse.stride(tile);
    for (; out != end; out += 3) std::copy_n(out - 3, 3, out);  // so that no edge bleeds in
    ++coarse.filled;
    const bool last = coarse.row * tile + coarse.filled == coarse.height;
    if (coarse.filled == tile || last) finish_row(index + 1);
  }
}

void PyramidWriter::append_spooled_levels() {
  for (std::size_t index = 1; index < levels_.size(); ++index) {
    check(TIFFWriteDirectory(tiff_.get()) == 1, ErrorCode::kIo,
          "cannot write a directory of {}: is the disk full?", path_.string());
    const Level& level = levels_[index];
    begin_directory(level, true);
    Tile bytes;
    for (std::size_t i = 0; i < level.offsets.size(); ++i) {
      bytes.resize(level.spooled[i]);
      check(::fseeko(spool_.get(), static_cast<off_t>(level.offsets[i]), SEEK_SET) == 0,
            ErrorCode::kIo, "cannot seek in the spool of {}: {}", path_.string(),
            errno_text(errno));
      check(std::fread(bytes.data(), 1, bytes.size(), spool_.get()) == bytes.size(), ErrorCode::kIo,
            "cannot read back level {} of {}", index, path_.string());
      write_tile(0, checked_cast<std::uint32_t>(i), bytes);
    }
  }
}

}  // namespace tilepool
