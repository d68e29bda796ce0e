#include <cmath>

#include <gtest/gtest.h>

#include "common/base/text.h"
#include "labels/agreement.h"
#include "labels/label_file.h"
#include "labels/votes.h"
#include "support/error_of.h"

namespace tilepool {
namespace {

using testing::error_of;
using Labels = std::map<std::uint64_t, Label>;

TEST(Uid, IsHexOfSixteenDigitsElseDecimal) {
  EXPECT_EQ(parse_uid("00000000000000ff"), 255U);
  EXPECT_EQ(parse_uid("FFFFFFFFFFFFFFFF"), UINT64_MAX);
  EXPECT_EQ(parse_uid("0xff"), 255U);
  EXPECT_EQ(parse_uid("255"), 255U);
  EXPECT_EQ(parse_uid("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_uid("1234567890123456"), 0x1234567890123456U);
  for (const char* const text : {"", "0x", "ff", "-1", "+1", " 1", "1.0", "18446744073709551616",
                                 "0x10000000000000000", "00000000000000fg"})
    EXPECT_FALSE(parse_uid(text)) << text;
  EXPECT_EQ(uid_text(255), "00000000000000ff");
}

TEST(Labels, OfTheOwnForm) {
  const LabelFile file = parse_labels(
      R"({"format":"tilepool-labels","version":1,"pipeline_id":"p","class":"mk","annotator":"Ada",
          "labels":{"00000000000000ff":{"label":"yes","time":"2026-01-01T00:00:00Z"},
                    "256":{"label":"unsure","comment":"dark"},"1":{"label":"no"}}})",
      "a.json");
  EXPECT_EQ(file.labels, (Labels{{1, Label::kNo}, {255, Label::kYes}, {256, Label::kUnsure}}));
  EXPECT_EQ(file.annotator, "Ada");
  EXPECT_EQ(file.pipeline_id, "p");
  EXPECT_EQ(file.class_name, "mk");
}

TEST(Labels, OfTheOlderForms) {
  const LabelFile lists = parse_labels(
      R"({"positive":["00000000000000ff",18446744073709551615],"negative":["7"],"unsure":[9]})",
      "a.json");
  EXPECT_EQ(
      lists.labels,
      (Labels{
          {7, Label::kNo}, {9, Label::kUnsure}, {255, Label::kYes}, {UINT64_MAX, Label::kYes}}));
  EXPECT_EQ(lists.annotator, "a.json");
  EXPECT_FALSE(lists.pipeline_id || lists.class_name);
  const LabelFile words = parse_labels(
      R"({"annotations":{"255":"yes","7":"no"},"class":"mk","pipeline_id":"p"})", "b.json");
  EXPECT_EQ(words.labels, (Labels{{7, Label::kNo}, {255, Label::kYes}}));
  EXPECT_EQ(words.class_name, "mk");
  // A number is decimal, also one of sixteen digits.
  EXPECT_EQ(parse_labels(R"({"positive":[1234567890123456]})", "c").labels.begin()->first,
            1234567890123456U);
}

TEST(Labels, ThatAreWrongAreAllNamedWithCounts) {
  const Error error = error_of([] {
    (void)parse_labels(R"({"annotations":{"1":"yes","x":"no","y":"no","2":"maybe","3":3}})", "a");
  });
  EXPECT_EQ(error.code(), ErrorCode::kConfig);
  const std::string text = error.what();
  EXPECT_NE(text.find("a uid is neither 16 hex digits nor decimal, 2 times (first: x)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("a label is none of yes, no, unsure, 2 times (first: \"maybe\")"),
            std::string::npos)
      << text;
}

TEST(Labels, OfNoFormAreRefused) {
  for (const char* const text :
       {"",
        "[]",
        "{}",
        "1E999",
        "3",
        "null",
        "{\"annotations\":[]}",
        "{\"annotations\":{}}",
        "{\"positive\":{}}",
        "{\"positive\":[1.5]}",
        "{\"annotations\":{\"1\":\"yes\",\"1\":\"yes\"}}",
        "{\"positive\":[-1]}",
        "{\"positive\":[[1]]}",
        "{\"positive\":[1],\"negative\":[\"0000000000000001\"]}",
        "{\"positive\":[1],\"annotator\":3}",
        "{\"positive\":[1],\"annotator\":\"\"}",
        R"({"format":"tilepool-labels","version":2,"pipeline_id":"p","class":"c","annotator":"a",
            "labels":{"1":{"label":"yes"}}})",
        R"({"format":"tilepool-labels","version":1,"class":"c","annotator":"a",
            "labels":{"1":{"label":"yes"}}})",
        R"({"format":"tilepool-labels","version":1,"pipeline_id":"p","class":"c","annotator":"a",
            "labels":{"1":"yes"}})",
        R"({"format":"tilepool-model","version":1,"pipeline_id":"p","class":"c","annotator":"a",
            "labels":{"1":{"label":"yes"}}})",
        R"({"format":"tilepool-labels","version":1,"pipeline_id":"p","class":"c","annotator":"a",
            "labels":[]})"})
    EXPECT_EQ(error_of([&] { (void)parse_labels(text, "a.json"); }).code(), ErrorCode::kConfig)
        << text;
}

Annotator annotator(const std::string& name, const std::string& words) {
  Annotator person{name, {}};
  std::uint64_t uid = 1;
  for (const char word : words) {
    if (word != ' ')
      person.labels[uid] = word == 'y' ? Label::kYes : word == 'n' ? Label::kNo : Label::kUnsure;
    ++uid;
  }
  return person;
}

TEST(Votes, AreTheMajorityAndUnsureAbstains) {
  const std::vector<Annotator> people = {annotator("a", "yyyuu n"), annotator("b", "yynu un"),
                                         annotator("c", "yn ynuy")};
  const Verdicts verdicts = decide(people);
  EXPECT_EQ(verdicts.decided, (std::map<std::uint64_t, bool>{
                                  {1, true}, {2, true}, {4, true}, {5, false}, {7, false}}));
  EXPECT_EQ(verdicts.n_yes, 3U);
  EXPECT_EQ(verdicts.n_no, 2U);
  EXPECT_EQ(verdicts.n_tied, 1U);    // cell 3: yes and no
  EXPECT_EQ(verdicts.n_unsure, 1U);  // cell 6
}

TEST(Votes, TakeTheFilesOfOnePersonTogether) {
  const auto file = [](const char* name, const char* person, Labels labels) {
    return LabelFile{name, person, {}, {}, std::move(labels)};
  };
  std::vector<LabelFile> files = {file("1", "ada", {{1, Label::kYes}}),
                                  file("2", "ben", {{1, Label::kNo}}),
                                  file("3", "ada", {{1, Label::kYes}, {2, Label::kNo}})};
  const auto people = annotators_of(files);
  ASSERT_EQ(people.size(), 2U);
  EXPECT_EQ(people[0].labels, (Labels{{1, Label::kYes}, {2, Label::kNo}}));
  files[2].labels[1] = Label::kUnsure;
  const Error error = error_of([&] { (void)annotators_of(files); });
  EXPECT_EQ(error.code(), ErrorCode::kConfig);
  EXPECT_NE(std::string(error.what()).find("3: 1 labels differ"), std::string::npos);
}

// 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
TEST(Agreement, IsCohensKappa) {
  const Annotator first = annotator("a", std::string(25, 'y') + std::string(25, 'n') + "y ");
  const Annotator second = annotator("b", std::string(20, 'y') + std::string(5, 'n') +
                                              std::string(10, 'y') + std::string(15, 'n') + " y");
  const Agreement found = agreement_of(first, second);
  EXPECT_EQ(found.n_both, 50U);
  EXPECT_EQ(found.n_equal, 35U);
  EXPECT_DOUBLE_EQ(found.kappa, 0.4);
  ASSERT_EQ(found.disagreements.size(), 15U);
  EXPECT_EQ(found.disagreements[0].uid, 21U);
  EXPECT_EQ(found.disagreements[0].first, Label::kYes);
  EXPECT_EQ(found.disagreements[0].second, Label::kNo);
}

TEST(Agreement, AtItsEnds) {
  EXPECT_DOUBLE_EQ(agreement_of(annotator("a", "ynu"), annotator("b", "ynu")).kappa, 1);
  EXPECT_DOUBLE_EQ(agreement_of(annotator("a", "yn"), annotator("b", "ny")).kappa, -1);
  EXPECT_TRUE(std::isnan(agreement_of(annotator("a", "yy"), annotator("b", "yy")).kappa));
  EXPECT_TRUE(std::isnan(agreement_of(annotator("a", "y "), annotator("b", " y")).kappa));
  const std::vector<Annotator> three = {annotator("a", "yn"), annotator("b", "yn"),
                                        annotator("c", "nn")};
  EXPECT_EQ(agreements_of(three).size(), 3U);
}

}  // namespace
}  // namespace tilepool
