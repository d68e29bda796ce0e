#include "common/base/text.h"

#include <gtest/gtest.h>

namespace tilepool {
namespace {

TEST(EditDistance, CountsChanges) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);  // one swap
  EXPECT_EQ(edit_distance("fractoin", "fraction"), 1U);
}

TEST(NearestOf, SuggestsWhatWasMeant) {
  const std::vector<std::string> words = {"run", "status", "report", "size_px"};
  EXPECT_EQ(nearest_of("rum", words), "run");
  EXPECT_EQ(nearest_of("satus", words), "status");
  EXPECT_EQ(nearest_of("size", words), "size_px");
  EXPECT_EQ(nearest_of("banana", words), std::nullopt);
  EXPECT_EQ(nearest_of("abc", words), std::nullopt);
  EXPECT_EQ(nearest_of("x", {}), std::nullopt);
}

TEST(Utf8, FollowsTheUnicodeTable) {
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\xAC"));
  EXPECT_FALSE(is_utf8("\xC3"));              // cut short
  EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_EQ(printable_utf8("a\xFF"
                           "b\nc\xC3\xA9"),
            "a_b_c\xC3\xA9");
}

TEST(Trimmed, TakesBlanksOffBothEnds) {
  EXPECT_EQ(trimmed(" \ta b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \t"), "");
}

}  // namespace
}  // namespace tilepool
