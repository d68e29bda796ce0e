#include "export/file_names.h"

#include <algorithm>
#include <set>

#include "common/run/layout.h"

namespace tilepool {
namespace {

/// Leaves room for what is put before and behind it (255 bytes are a file name's most).
constexpr std::size_t kMostBytes = 200;

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_file_name(const std::string& id) {
  return !id.empty() && id.size() <= kMostBytes && id.front() != '.' &&
         std::all_of(id.begin(), id.end(), is_plain_in_stem);
}

}  // namespace

std::vector<std::string> export_stems(const std::vector<ResultsSlide>& slides,
                                      const std::vector<std::string>& reserved) {
  std::set<std::string> taken(reserved.begin(), reserved.end());
  std::vector<std::string> stems;
  stems.reserve(slides.size());
  for (const ResultsSlide& slide : slides) {
    const bool plain = is_file_name(slide.id) && taken.insert(lower_case(slide.id)).second;
    stems.push_back(plain ? slide.id : slide_stem(slide.id));
  }
  return stems;
}

}  // namespace tilepool
