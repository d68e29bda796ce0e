#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tilepool {

/// What every page of tilepool is made of: report.html, the pages of `bench` and of `train`.
/// Texts are HTML: who calls has escaped them.

[[nodiscard]] std::string page_style();
/// Everything of a page before its body: it may load nothing from anywhere. `title` is plain text;
/// `style` comes after page_style().
[[nodiscard]] std::string page_opening(std::string_view title, std::string_view style);

/// A large number in a <dl class="figures">.
[[nodiscard]] std::string page_figure(std::string_view value, std::string_view label,
                                      std::string_view note);
/// A line of a <dl class="facts">.
[[nodiscard]] std::string page_fact(std::string_view name, std::string_view value);

/// One bar of a chart. Texts are plain.
struct PageBar {
  std::string label;        ///< to the left of it
  std::string title;        ///< when the pointer rests on it
  std::string value;        ///< to the right of it
  std::string style_class;  ///< what colours it
  double share = 0;         ///< of the longest possible bar, 0..1; 0: none is drawn
};
/// Horizontal bars, one below the other, as SVG; `summary` is what a screen reader says of all.
/// Empty without bars.
[[nodiscard]] std::string page_bars(const std::vector<PageBar>& bars, std::string_view summary);

}  // namespace tilepool
