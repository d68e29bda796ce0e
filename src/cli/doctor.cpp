#include "cli/doctor.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/doctor_checks.h"

namespace tilepool {
namespace {

using Health = Finding::Health;

const char* word_of(Health health) {
  switch (health) {
    case Health::kPass:
      return "PASS";
    case Health::kWarn:
      return "WARN";
    case Health::kFail:
      return "FAIL";
  }
  return "";
}

/// The ANSI sequence of a colour: green, yellow, red.
const char* colour_of(Health health) {
  switch (health) {
    case Health::kPass:
      return "\033[32m";
    case Health::kWarn:
      return "\033[33m";
    case Health::kFail:
      return "\033[31m";
  }
  return "";
}

std::ptrdiff_t count(const std::vector<Finding>& findings, Health health) {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& one) { return one.health == health; });
}

void append_config(const DoctorInput& input, std::vector<Finding>& findings) {
  if (input.config.empty()) return;
  if (input.config_problem.empty()) {
    findings.push_back({Health::kPass, Finding::Area::kConfig, "configuration", input.config, ""});
    if (!input.stage.empty()) findings.push_back(check_stage(input.stage, input.slides));
    const auto slides = check_slides(input.slides, input.reader);
    findings.insert(findings.end(), slides.begin(), slides.end());
    return;
  }
  std::istringstream lines(input.config_problem);
  for (std::string line; std::getline(lines, line);)
    findings.push_back({Health::kFail, Finding::Area::kConfig, "configuration", line,
                        "docs/configuration.md explains every key"});
}

}  // namespace

std::vector<Finding> examine(const DoctorInput& input) {
  const std::filesystem::path run_dir = input.run_dir.empty() ? "runs" : input.run_dir;
  std::vector<Finding> findings = {
      check_mpi_library(), check_launcher(),     check_hdf5(),          check_filters(),
      check_openslide(),   check_cores(),        check_memory(),        check_shared_memory(),
      check_gpu(),         check_space(run_dir), check_commit(run_dir),
  };
  append_config(input, findings);
  return findings;
}

std::string findings_text(const std::vector<Finding>& findings, bool colour) {
  std::string text;
  for (const Finding& one : findings) {
    text += fmt::format("{}{}{}  {}: {}\n", colour ? colour_of(one.health) : "",
                        word_of(one.health), colour ? "\033[0m" : "", one.check, one.found);
    if (!one.remedy.empty()) text += fmt::format("      {}\n", one.remedy);
  }
  return text + fmt::format("{} pass, {} warn, {} fail\n", count(findings, Health::kPass),
                            count(findings, Health::kWarn), count(findings, Health::kFail));
}

std::string findings_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json document;
  document["checks"] = nlohmann::ordered_json::array();
  for (const Finding& one : findings)
    document["checks"].push_back({{"check", one.check},
                                  {"status", word_of(one.health)},
                                  {"found", one.found},
                                  {"remedy", one.remedy}});
  document["pass"] = count(findings, Health::kPass);
  document["warn"] = count(findings, Health::kWarn);
  document["fail"] = count(findings, Health::kFail);
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  return document.dump(2, ' ', false, kReplace) + "\n";
}

int doctor_exit_code(const std::vector<Finding>& findings) {
  const auto fails = [&](auto concerns) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& one) {
      return one.health == Health::kFail && concerns(one.area);
    });
  };
  if (fails([](Finding::Area area) { return area == Finding::Area::kFiles; })) return 74;
  return fails([](Finding::Area) { return true; }) ? 78 : 0;
}

}  // namespace tilepool
