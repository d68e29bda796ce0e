#include "common/slide/tiff_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>

#include <tiffio.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr int kMostDirectories = 1000;
constexpr std::int64_t kMostTilePixels = std::int64_t{1} << 22;
constexpr std::int64_t kMostTiles =
    kTileTableBytes / (sizeof(std::uint64_t) + sizeof(std::uint32_t));

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

#ifdef TIFFLIB_AT_LEAST  // 4.5: handlers of one file
int say_nothing(TIFF* /*tiff*/, void* /*data*/, const char* /*module*/, const char* /*format*/,
                va_list /*values*/) {
  return 1;
}
#endif

/// "m": read, not mapped: a file that is cut while it is mapped ends the process.
Tiff open_tiff(const std::string& path) {
#ifdef TIFFLIB_AT_LEAST
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), say_nothing, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), say_nothing, nullptr);
  return Tiff(TIFFOpenExt(path.c_str(), "rm", options.get()));
#else
  return Tiff(TIFFOpen(path.c_str(), "rm"));
#endif
}

template <class T>
T field(TIFF* tiff, std::uint32_t tag, const char* name) {
  T value{};
  check(TIFFGetField(tiff, tag, &value) == 1, ErrorCode::kSlide, "TIFF directory {} has no {}",
        TIFFCurrentDirectory(tiff), name);
  return value;
}

struct Directory {
  tdir_t number;
  std::uint32_t width, height;
};

/// True where OpenSlide takes the current directory for a level.
bool is_level(TIFF* tiff, bool aperio) {
  if (TIFFIsTiled(tiff) == 0) return false;
  if (aperio || TIFFCurrentDirectory(tiff) == 0) return true;
  std::uint32_t type = 0;
  return TIFFGetField(tiff, TIFFTAG_SUBFILETYPE, &type) == 1 && (type & FILETYPE_REDUCEDIMAGE) != 0;
}

std::vector<Directory> find_levels(TIFF* tiff, bool aperio) {
  std::vector<Directory> found;
  int directories = 0;
  do {
    check(++directories <= kMostDirectories, ErrorCode::kSlide, "more than {} TIFF directories",
          kMostDirectories);
    if (!is_level(tiff, aperio)) continue;
    found.push_back({TIFFCurrentDirectory(tiff),
                     field<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, "width"),
                     field<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH, "length")});
  } while (TIFFReadDirectory(tiff) == 1);
  if (!aperio)
    std::stable_sort(found.begin(), found.end(),
                     [](const Directory& a, const Directory& b) { return a.width > b.width; });
  for (std::size_t i = 1; i < found.size() && !aperio; ++i)
    check(found[i].width != found[i - 1].width, ErrorCode::kSlide, "two levels are {} px wide",
          found[i].width);
  return found;
}

/// The conditions under which OpenSlide gives a tile to libjpeg as it stands in the file.
void check_kind(TIFF* tiff) {
  const auto compression = field<std::uint16_t>(tiff, TIFFTAG_COMPRESSION, "compression");
  check(compression == COMPRESSION_JPEG, ErrorCode::kSlide, "compression {} is not JPEG",
        compression);
  const auto planes = field<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG, "planar configuration");
  check(planes == PLANARCONFIG_CONTIG, ErrorCode::kSlide, "its colours lie in separate planes");
  const auto samples = field<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, "samples per pixel");
  const auto bits = field<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, "bits per sample");
  check(samples == 3 && bits == 8, ErrorCode::kSlide, "{} samples of {} bits, not 3 of 8", samples,
        bits);
  const auto photometric = field<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, "photometric");
  check(photometric == PHOTOMETRIC_RGB || photometric == PHOTOMETRIC_YCBCR, ErrorCode::kSlide,
        "photometric {} is neither RGB nor YCbCr", photometric);
}

std::uint64_t next_kind() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

JpegTileKind read_kind(TIFF* tiff) {
  check_kind(tiff);
  JpegTileKind kind;
  kind.id = next_kind();
  kind.width = field<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH, "tile width");
  kind.height = field<std::uint32_t>(tiff, TIFFTAG_TILELENGTH, "tile length");
  check(kind.width > 0 && kind.height > 0 && kind.width <= kMostTilePixels / kind.height,
        ErrorCode::kSlide, "tiles of {} x {} px", kind.width, kind.height);
  kind.ycbcr = field<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, "photometric") == PHOTOMETRIC_YCBCR;
  std::uint32_t size = 0;
  const std::uint8_t* tables = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_JPEGTABLES, &size, &tables) == 1 && tables != nullptr)
    kind.tables.assign(tables, tables + size);
  return kind;
}

void read_tile_table(TIFF* tiff, TiffLevel& level, std::int64_t& room) {
  const std::int64_t tiles = checked_mul(level.columns, level.rows);
  check(TIFFNumberOfTiles(tiff) == tiles, ErrorCode::kSlide, "{} tiles where {} x {} are expected",
        TIFFNumberOfTiles(tiff), level.columns, level.rows);
  check(tiles <= room, ErrorCode::kSlide, "more than {} tiles", kMostTiles);
  room -= tiles;
  level.offsets.reserve(static_cast<std::size_t>(tiles));
  level.bytes.reserve(static_cast<std::size_t>(tiles));
  for (std::uint32_t i = 0; i < tiles; ++i) {
    int error = 0;
    const std::uint64_t offset = TIFFGetStrileOffsetWithErr(tiff, i, &error);
    const std::uint64_t bytes = error == 0 ? TIFFGetStrileByteCountWithErr(tiff, i, &error) : 0;
    check(error == 0, ErrorCode::kSlide, "the table of tiles cannot be read");
    check(bytes <= level.most_bytes(), ErrorCode::kSlide, "a tile of {} bytes", bytes);
    level.offsets.push_back(offset);
    level.bytes.push_back(static_cast<std::uint32_t>(bytes));
  }
}

TiffLevel read_level(TIFF* tiff, const Directory& directory, std::int64_t& room) {
  check(TIFFSetDirectory(tiff, directory.number) == 1, ErrorCode::kSlide,
        "TIFF directory {} cannot be read twice", directory.number);
  TiffLevel level;
  level.width = directory.width;
  level.height = directory.height;
  level.kind = read_kind(tiff);
  level.columns = ceil_div(level.width, level.kind.width);
  level.rows = ceil_div(level.height, level.kind.height);
  read_tile_table(tiff, level, room);
  return level;
}

/// Tiles without data, and those of the next level in whose place they lie, as aperio_open() of
/// OpenSlide's vendor-aperio.c finds them.
void mark_missing(std::vector<TiffLevel>& levels) {
  for (std::size_t l = 0; l < levels.size(); ++l) {
    TiffLevel& level = levels[l];
    level.missing.resize(level.bytes.size());
    for (std::size_t i = 0; i < level.bytes.size(); ++i)
      if (level.bytes[i] == 0) level.missing[i] = true;
    if (l == 0) continue;
    const TiffLevel& finer = levels[l - 1];
    const auto per_tile = [](std::int64_t fine, std::int64_t coarse) {
      return std::llround(static_cast<double>(fine) / static_cast<double>(coarse));
    };
    const std::int64_t across = per_tile(finer.columns, level.columns);
    const std::int64_t down = per_tile(finer.rows, level.rows);
    for (std::int64_t i = 0; i < finer.columns * finer.rows; ++i) {
      if (!finer.missing[static_cast<std::size_t>(i)]) continue;
      check(across > 0 && down > 0, ErrorCode::kSlide, "levels {} and {} do not fit", l - 1, l);
      const auto below = static_cast<std::size_t>(
          level.tile(i % finer.columns / across, i / finer.columns / down));
      if (below < level.missing.size()) level.missing[below] = true;
    }
  }
}

struct TileGridSize {
  std::int64_t columns = 0, rows = 0;
  bool gaps = false;  ///< tiles without data, here or in a level before
};

TileGridSize tile_grid(TIFF* tiff) {
  TileGridSize grid;
  const std::int64_t width = field<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH, "tile width");
  const std::int64_t height = field<std::uint32_t>(tiff, TIFFTAG_TILELENGTH, "tile length");
  if (width == 0 || height == 0) return grid;
  grid.columns =
      ceil_div<std::int64_t>(field<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, "width"), width);
  grid.rows =
      ceil_div<std::int64_t>(field<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH, "length"), height);
  for (std::uint32_t i = 0; i < TIFFNumberOfTiles(tiff) && !grid.gaps; ++i)
    grid.gaps = TIFFGetStrileByteCount(tiff, i) == 0;
  return grid;
}

}  // namespace

bool breaks_aperio(const std::string& path) try {
  const Tiff tiff = open_tiff(path);
  const char* text = nullptr;
  if (!tiff || TIFFGetField(tiff.get(), TIFFTAG_IMAGEDESCRIPTION, &text) != 1 ||
      !std::string_view(text).starts_with("Aperio"))
    return false;
  std::optional<TileGridSize> finer;
  int directories = 0;
  do {
    if (TIFFIsTiled(tiff.get()) == 0) continue;
    TileGridSize grid = tile_grid(tiff.get());
    if (finer && finer->gaps && (2 * finer->columns < grid.columns || 2 * finer->rows < grid.rows))
      return true;
    grid.gaps = grid.gaps || (finer && finer->gaps);
    finer = grid;
  } while (TIFFReadDirectory(tiff.get()) == 1 && ++directories < kMostDirectories);
  return false;
} catch (const Error&) {
  return false;  // OpenSlide refuses what lacks such a tag
}

std::vector<TiffLevel> index_tiff(const std::string& path, const SlideInfo& info) {
  const bool aperio = info.vendor == "aperio";
  check(aperio || info.vendor == "generic-tiff", ErrorCode::kSlide, "vendor {}", info.vendor);
  const Tiff tiff = open_tiff(path);
  check(tiff != nullptr, ErrorCode::kSlide, "libtiff cannot open it");
  const std::vector<Directory> found = find_levels(tiff.get(), aperio);
  check(found.size() >= info.levels.size(), ErrorCode::kSlide, "{} levels where OpenSlide has {}",
        found.size(), info.levels.size());
  std::vector<TiffLevel> levels;
  std::int64_t room = kMostTiles;
  for (std::size_t i = 0; i < info.levels.size(); ++i) {
    levels.push_back(read_level(tiff.get(), found[i], room));
    check(levels[i].width == info.levels[i].width && levels[i].height == info.levels[i].height,
          ErrorCode::kSlide, "level {} has {} x {} px where OpenSlide has {} x {}", i,
          levels[i].width, levels[i].height, info.levels[i].width, info.levels[i].height);
  }
  if (aperio) mark_missing(levels);
  return levels;
}

}  // namespace tilepool
