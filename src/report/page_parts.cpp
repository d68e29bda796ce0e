#include "report/page_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/html.h"

namespace tilepool {
namespace {

constexpr double kWidth = 1000, kBarHeight = 16, kRowHeight = 26;  ///< SVG units
constexpr double kLabelWidth = 240, kValueWidth = 150;
constexpr double kLongest = kWidth - kLabelWidth - kValueWidth;
constexpr double kShortest = 2;

std::string row(const PageBar& bar, double top) {
  const double length =
      bar.share > 0 ? std::max(kShortest, kLongest * std::min(1.0, bar.share)) : 0;
  std::string svg =
      fmt::format("<g><title>{}</title><text x=\"{:.0f}\" y=\"{:.1f}\" class=\"right\">{}</text>",
                  escape_html(bar.title), kLabelWidth - 10, top + 13, escape_html(bar.label));
  if (length > 0)
    svg += fmt::format(
        "<rect class=\"{}\" x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\"/>",
        bar.style_class, kLabelWidth, top, length, kBarHeight);
  return svg + fmt::format("<text class=\"value\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>\n",
                           kLabelWidth + length + 8, top + 13, escape_html(bar.value));
}

}  // namespace

std::string page_figure(std::string_view value, std::string_view label, std::string_view note) {
  return fmt::format("<div class=\"figure\"><dd>{}</dd><dt>{}</dt><p>{}</p></div>\n", value, label,
                     note);
}

std::string page_fact(std::string_view name, std::string_view value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
}

std::string page_bars(const std::vector<PageBar>& bars, std::string_view summary) {
  if (bars.empty()) return "";
  std::string svg = fmt::format(
      "<div class=\"wide\"><svg class=\"chart bars\" role=\"img\" aria-label=\"{}\" "
      "viewBox=\"0 0 {:.0f} {:.0f}\">\n",
      escape_html(summary), kWidth, kRowHeight * static_cast<double>(bars.size()));
  double top = 4;
  for (const PageBar& bar : bars) {
    svg += row(bar, top);
    top += kRowHeight;
  }
  return svg + "</svg></div>\n";
}

}  // namespace tilepool
