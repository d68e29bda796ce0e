#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/model/class_colours.h"
#include "common/run/layout.h"
#include "export/file_names.h"
#include "export/formats.h"
#include "export/text_forms.h"

namespace tilepool {
namespace {

template <class T>
std::string number(T value) {
  std::string text = "x";
  append_number(text, value);
  return text.substr(1);
}

TEST(NumberText, IsShortAndPlain) {
  EXPECT_EQ(number(0.0F), "0");
  EXPECT_EQ(number(-0.0), "-0");
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(100000.0F), "100000");  // no 1e+05
  EXPECT_EQ(number(-1234.5F), "-1234.5");
  EXPECT_EQ(number(16777216.0F), "16777216");
  EXPECT_EQ(number(0.00001), "0.00001");
  EXPECT_EQ(number(0.0000001), "1e-07");
  EXPECT_EQ(number(1e15), "1e+15");
  EXPECT_EQ(number(123456789012345.0), "123456789012345");
}

TEST(NumberText, RefusesWhatIsNotFinite) {
  EXPECT_THROW((void)number(std::nanf("")), Error);
  EXPECT_THROW((void)number(std::numeric_limits<double>::infinity()), Error);
}

TEST(NumberText, ReadsBackAsTheSameNumber) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const std::uint64_t bits = random();
    float single = 0;
    double wide = 0;
    std::memcpy(&single, &bits, sizeof(single));
    std::memcpy(&wide, &bits, sizeof(wide));
    if (!std::isfinite(single) || !std::isfinite(wide)) continue;
    EXPECT_EQ(std::strtof(number(single).c_str(), nullptr), single);
    const std::string text = number(wide);
    EXPECT_EQ(std::strtod(text.c_str(), nullptr), wide);
    EXPECT_EQ(nlohmann::json::parse(text).get<double>(), wide);
  }
  for (const float extreme : {std::numeric_limits<float>::denorm_min(),
                              std::numeric_limits<float>::max(), 9.9999993e-6F, 1.0000001e-5F})
    EXPECT_EQ(std::strtof(number(extreme).c_str(), nullptr), extreme);
}

TEST(CsvField, IsQuotedWhereItMustBe) {
  const auto field = [](std::string_view text) {
    std::string line;
    append_csv_field(line, text);
    return line;
  };
  EXPECT_EQ(field(""), "");
  EXPECT_EQ(field("plain text"), "plain text");
  EXPECT_EQ(field("a,b"), "\"a,b\"");
  EXPECT_EQ(field("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(field("two\nlines"), "\"two\nlines\"");
}

TEST(JsonText, IsEscaped) {
  std::string json;
  append_json_text(json, "a\"\\\n\xC3\xBC\xFF");
  EXPECT_EQ(json, "\"a\\\"\\\\\\n\xC3\xBC\xEF\xBF\xBD\"");
}

TEST(CellUuid, HasVersion8AndTheWholeUid) {
  EXPECT_EQ(cell_uuid(0x0123456789abcdef, 0), "01234567-89ab-8cde-bc00-000000000000");
  EXPECT_EQ(cell_uuid(0, ~std::uint64_t{0}), "00000000-0000-8000-83ff-ffffffffffff");
  EXPECT_EQ(cell_uuid(~std::uint64_t{0}, ~std::uint64_t{0}),
            "ffffffff-ffff-8fff-bfff-ffffffffffff");
  EXPECT_EQ(uid_text(0xab), "00000000000000ab");
}

TEST(CellUuid, TellsUidsAndSlidesApart) {
  std::set<std::string> seen;
  for (int bit = 0; bit < 64; ++bit) seen.insert(cell_uuid(std::uint64_t{1} << bit, 0));
  EXPECT_EQ(seen.size(), 64U);
  EXPECT_NE(cell_uuid(1, slide_hash("a")), cell_uuid(1, slide_hash("b")));
  EXPECT_EQ(slide_hash("a"), 0xd24ec4f1a98c6e5bU);  // xxhsum -H1 of "a"
}

TEST(ExportStems, AreIdsWhereTheyCanBe) {
  std::vector<ResultsSlide> slides;
  for (const char* id :
       {"TCGA-A1.svs", "tcga-a1.SVS", "a b", "x/../y", ".hidden", "cohort", "Gr\xC3\xBC\xC3\x9F"}) {
    slides.emplace_back();
    slides.back().id = id;
  }
  slides.emplace_back();
  slides.back().id = std::string(201, 'l');
  const std::vector<std::string> stems = export_stems(slides, {"cohort"});
  EXPECT_EQ(stems[0], "TCGA-A1.svs");
  for (std::size_t i = 1; i < slides.size(); ++i) {
    EXPECT_EQ(stems[i], slide_stem(slides[i].id));
    EXPECT_EQ(stems[i].find_first_of("/ "), std::string::npos);
    EXPECT_FALSE(stems[i].starts_with('.'));
  }
  EXPECT_EQ(export_stems(slides, {})[5], "cohort");
}

std::string error_of(std::string_view list, ErrorCode code) {
  try {
    (void)parse_formats(list);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << list << " was taken";
  return "";
}

TEST(ParseFormats, TakesAListInItsOrderAndEachOnce) {
  const auto formats = parse_formats("h5ad, csv,h5ad");
  ASSERT_EQ(formats.size(), 2U);
  EXPECT_EQ(formats[0]->name, "h5ad");
  EXPECT_EQ(formats[1]->name, "csv");
}

TEST(ParseFormats, RefusesOthers) {
  EXPECT_NE(error_of("annotation-store", ErrorCode::kUsage).find("mean annotationstore"),
            std::string::npos);
  (void)error_of("", ErrorCode::kUsage);
  (void)error_of("csv,", ErrorCode::kUsage);
}

TEST(ExportFormats, EachWritesSomethingUnderASuffixOfItsOwn) {
  std::set<std::string_view> suffixes;
  for (const ExportFormat& format : export_formats()) {
    EXPECT_TRUE(format.write_slide != nullptr || format.write_cohort != nullptr ||
                format.write_folder != nullptr);
    EXPECT_EQ(format.write_slide == nullptr, format.suffix.empty());
    EXPECT_EQ(format.write_cohort == nullptr, format.cohort_file.empty());
    EXPECT_EQ(format.write_folder == nullptr, format.cohort_folder.empty());
    EXPECT_EQ(format.write_folder == nullptr, format.folder_parts.empty());
    EXPECT_TRUE(format.suffix.empty() || suffixes.insert(format.suffix).second);
  }
}

TEST(ClassColours, DifferAmongTheFirstSeven) {
  std::set<Rgb> colours;
  for (std::size_t i = 0; i < 7; ++i) colours.insert(class_colour(i));
  EXPECT_EQ(colours.size(), 7U);
  EXPECT_EQ(class_colour(7), class_colour(0));
}

}  // namespace
}  // namespace tilepool
