#include "report/html.h"

#include <cmath>

#include <fmt/core.h>

#include "common/base/text.h"

namespace tilepool {

std::string escape_html(std::string_view text) {
  std::string html;
  for (const char c : printable_utf8(text)) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string escape_block(std::string_view text) {
  std::string html;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    html += escape_html(text.substr(0, end));
    if (end == std::string_view::npos) break;
    html += '\n';
    text.remove_prefix(end + 1);
  }
  return html;
}

std::string grouped(std::uint64_t value) {
  if (value < 1000) return fmt::format("{}", value);
  return fmt::format("{},{:03}", grouped(value / 1000), value % 1000);
}

std::string grouped(std::int64_t value) {
  const std::uint64_t size =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  return fmt::format("{}{}", value < 0 ? "-" : "", grouped(size));
}

std::string counted(std::uint64_t value, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(value), noun, value == 1 ? "" : "s");
}

std::string percent(double part, double whole) {
  if (!(whole > 0)) return "0 %";
  const double share = 100.0 * part / whole;
  if (share == std::floor(share) || share >= 99.95) return fmt::format("{:.0f} %", share);
  return share < 0.95 ? fmt::format("{:.2g} %", share) : fmt::format("{:.1f} %", share);
}

std::string significant(double value) {
  if (!std::isfinite(value)) return "–";
  if (std::abs(value) >= 100) return grouped(static_cast<std::int64_t>(std::llround(value)));
  return fmt::format("{:.3g}", value);
}

}  // namespace tilepool
