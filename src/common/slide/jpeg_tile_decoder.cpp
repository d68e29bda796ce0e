#include "common/slide/jpeg_tile_decoder.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr int kRows = 16;  // asked of libjpeg at a time: the rows of one MCU at 4:2:0

struct ErrorSink {
  jpeg_error_mgr base;  // first: libjpeg hands back a pointer to it
  std::jmp_buf env;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void jump(j_common_ptr cinfo) {
  auto* sink = reinterpret_cast<ErrorSink*>(cinfo->err);
  cinfo->err->format_message(cinfo, sink->message);
  std::longjmp(sink->env, 1);
}

void note(j_common_ptr cinfo, int level) {
  if (level < 0) jump(cinfo);
}

void keep_silent(j_common_ptr /*cinfo*/) {}

/// The tables that a decoder holds: which there are and what is in them.
struct Tables {
  std::array<JQUANT_TBL*, NUM_QUANT_TBLS> quant{};
  std::array<JHUFF_TBL*, NUM_HUFF_TBLS> dc{}, ac{};
  std::array<JQUANT_TBL, NUM_QUANT_TBLS> quant_content{};
  std::array<JHUFF_TBL, NUM_HUFF_TBLS> dc_content{}, ac_content{};
};

template <std::size_t N, class Table>
void save(Table* const (&from)[N], std::array<Table*, N>& tables, std::array<Table, N>& content) {
  for (std::size_t i = 0; i < N; ++i) {
    tables[i] = from[i];
    if (from[i] != nullptr) content[i] = *from[i];
  }
}

/// True when the decoder had to allocate a table since save().
template <std::size_t N, class Table>
bool restore(Table* (&to)[N], const std::array<Table*, N>& tables,
             const std::array<Table, N>& content) {
  bool grown = false;
  for (std::size_t i = 0; i < N; ++i) {
    grown = grown || to[i] != tables[i];
    to[i] = tables[i];
    if (to[i] != nullptr) *to[i] = content[i];
  }
  return grown;
}

}  // namespace

/// Of what lies between setjmp and longjmp nothing needs a destructor.
struct JpegTileDecoder::State {
  State() {
    cinfo.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = jump;
    errors.base.emit_message = note;
    errors.base.output_message = keep_silent;
  }
  ~State() { reset(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void reset() {
    if (made) jpeg_destroy_decompress(&cinfo);
    made = false;
    kind_id = 0;
    tiles_with_tables = 0;
  }

  [[nodiscard]] bool load(const JpegTileKind& kind) {
    reset();
    if (setjmp(errors.env) != 0) return false;
    jpeg_create_decompress(&cinfo);
    made = true;
    if (!kind.tables.empty()) {
      jpeg_mem_src(&cinfo, kind.tables.data(), kind.tables.size());
      if (jpeg_read_header(&cinfo, FALSE) != JPEG_HEADER_TABLES_ONLY) {
        std::strcpy(errors.message, "JPEGTables holds no tables");
        return false;
      }
    }
    save(cinfo.quant_tbl_ptrs, tables.quant, tables.quant_content);
    save(cinfo.dc_huff_tbl_ptrs, tables.dc, tables.dc_content);
    save(cinfo.ac_huff_tbl_ptrs, tables.ac, tables.ac_content);
    kind_id = kind.id;
    return true;
  }

  /// Tables that a tile brought along are forgotten, though libjpeg frees them only at the end.
  void forget_tile() {
    jpeg_abort_decompress(&cinfo);
    const bool quant = restore(cinfo.quant_tbl_ptrs, tables.quant, tables.quant_content);
    const bool dc = restore(cinfo.dc_huff_tbl_ptrs, tables.dc, tables.dc_content);
    const bool ac = restore(cinfo.ac_huff_tbl_ptrs, tables.ac, tables.ac_content);
    if (quant || dc || ac) ++tiles_with_tables;
    if (tiles_with_tables > 64) reset();
  }

  [[nodiscard]] bool run(const JpegTileKind& kind, std::span<const std::uint8_t> jpeg,
                         const Rect& wanted, RgbView out) {
    if (setjmp(errors.env) != 0) return false;
    jpeg_mem_src(&cinfo, jpeg.data(), jpeg.size());
    jpeg_read_header(&cinfo, TRUE);
    if (cinfo.image_width != kind.width || cinfo.image_height != kind.height) {
      std::snprintf(errors.message, sizeof errors.message,
                    "the JPEG has %u x %u px, not %lld x %lld", cinfo.image_width,
                    cinfo.image_height, static_cast<long long>(kind.width),
                    static_cast<long long>(kind.height));
      return false;
    }
    cinfo.jpeg_color_space = kind.ycbcr ? JCS_YCbCr : JCS_RGB;
    cinfo.out_color_space = JCS_RGB;
    jpeg_start_decompress(&cinfo);
    // What comes in several scans was parsed whole by now and is transformed as it is asked for.
    const bool one_scan = jpeg_has_multiple_scans(&cinfo) == FALSE;
    const std::int64_t left = one_scan ? crop(wanted) : 0;
    if (one_scan) skip_before(wanted.y);
    read_rows(wanted, left, out);
    if (one_scan) parse_rest();
    return true;
  }

  [[nodiscard]] std::int64_t mcu_width() const { return std::int64_t{8} * cinfo.max_h_samp_factor; }
  [[nodiscard]] std::int64_t mcu_height() const {
    return std::int64_t{8} * cinfo.max_v_samp_factor;
  }

  /// Leaves out columns; at least one MCU at each side stays for the upsampling. Returns the first
  /// column that is left.
  [[nodiscard]] std::int64_t crop(const Rect& wanted) {
    const auto width = static_cast<std::int64_t>(cinfo.output_width);
    const std::int64_t mcu = mcu_width();
    const std::int64_t left = std::max<std::int64_t>(0, wanted.x / mcu * mcu - mcu);
    const std::int64_t right = std::min(width, ((wanted.x + wanted.w) / mcu + 2) * mcu);
    if (right - left == width) return 0;
    auto x = static_cast<JDIMENSION>(left);
    auto w = static_cast<JDIMENSION>(right - left);
    jpeg_crop_scanline(&cinfo, &x, &w);
    return x;
  }

  void skip_before(std::int64_t row) {
    const std::int64_t mcu = mcu_height();
    const std::int64_t rows = row / mcu * mcu - mcu;
    if (rows > 0) jpeg_skip_scanlines(&cinfo, static_cast<JDIMENSION>(rows));
  }

  void read_rows(const Rect& wanted, std::int64_t left, RgbView out) {
    const std::int64_t bottom = wanted.y + wanted.h;
    const bool direct = static_cast<std::int64_t>(cinfo.output_width) == wanted.w;
    JSAMPROW rows[kRows];
    while (cinfo.output_scanline < bottom) {
      const std::int64_t at = cinfo.output_scanline;
      const auto n = static_cast<int>(std::min<std::int64_t>(kRows, bottom - at));
      for (int i = 0; i < n; ++i) {
        rows[i] = direct && at + i >= wanted.y
                      ? out.row(at + i - wanted.y)
                      : scratch.data() + static_cast<std::size_t>(i) * 3 * cinfo.output_width;
      }
      const auto got =
          static_cast<int>(jpeg_read_scanlines(&cinfo, rows, static_cast<JDIMENSION>(n)));
      for (int i = 0; i < got && !direct; ++i) {
        if (at + i < wanted.y) continue;
        std::memcpy(out.row(at + i - wanted.y), rows[i] + 3 * (wanted.x - left),
                    static_cast<std::size_t>(3 * wanted.w));
      }
    }
  }

  /// Reads the last row, which needs all before it to be parsed.
  void parse_rest() {
    const JDIMENSION rest = cinfo.output_height - cinfo.output_scanline;
    if (rest > 1) jpeg_skip_scanlines(&cinfo, rest - 1);
    JSAMPROW row = scratch.data();
    while (cinfo.output_scanline < cinfo.output_height) jpeg_read_scanlines(&cinfo, &row, 1);
  }

  jpeg_decompress_struct cinfo{};
  ErrorSink errors{};
  Tables tables;
  std::vector<std::uint8_t> scratch;
  std::uint64_t kind_id = 0;  ///< whose tables are loaded; 0: none
  int tiles_with_tables = 0;
  bool made = false;
};

JpegTileDecoder::JpegTileDecoder() : state_(std::make_unique<State>()) {}

JpegTileDecoder::~JpegTileDecoder() = default;

void JpegTileDecoder::decode(const JpegTileKind& kind, std::span<const std::uint8_t> jpeg,
                             const Rect& wanted, RgbView out) {
  const auto scratch = checked_cast<std::size_t>(checked_mul(std::int64_t{3} * kRows, kind.width));
  if (state_->scratch.size() < scratch) state_->scratch.resize(scratch);
  const bool loaded = state_->kind_id == kind.id || state_->load(kind);
  if (!loaded || !state_->run(kind, jpeg, wanted, out)) {
    state_->reset();
    fail(ErrorCode::kSlide, "{}", state_->errors.message);
  }
  state_->forget_tile();
}

}  // namespace tilepool
