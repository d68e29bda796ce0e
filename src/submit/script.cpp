#include "submit/script.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>

#include "common/base/error.h"
#include "submit/cluster.h"
#include "submit/templates.h"

namespace tilepool {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;  // sbatch option -> its value

Values values_of(const JobRequest& request) {
  Values values{{"nodes", std::to_string(request.nodes)},
                {"ntasks-per-node", std::to_string(request.tasks_per_node)},
                {"cpus-per-task", std::to_string(request.cpus_per_task)},
                {"mem", format_slurm_memory(request.memory_per_node_bytes)},
                {"time", format_slurm_time(request.time_s)},
                {"signal", fmt::format("B:USR1@{}", warning_s(request.time_s))}};
  if (request.gpus_per_node > 0)
    values.emplace("gpus-per-node", std::to_string(request.gpus_per_node));
  if (!request.partition.empty()) values.emplace("partition", request.partition);
  if (!request.account.empty()) values.emplace("account", request.account);
  return values;
}

/// One word for the shell.
std::string quoted(std::string_view word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

/// A line "#SBATCH --key=value ..." with the values that are asked for; these leave `values`.
std::string with_values(const std::string& line, Values& values) {
  std::istringstream words(line);
  std::string text, word;
  while (words >> word) {
    const std::size_t equals = word.find('=');
    if (word.starts_with("--") && equals != std::string::npos) {
      if (auto value = values.extract(word.substr(2, equals - 2)))
        word = word.substr(0, equals + 1) + value.mapped();
    }
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

/// What stands where the template sources job.sh: its text, and this job's program and arguments.
std::string job_part(const JobRequest& request) {
  std::string text =
      fmt::format("{}\nTILEPOOL={}\nset --", slurm_templates.job_sh, quoted(request.program));
  for (const std::string& argument : request.arguments) text += " " + quoted(argument);
  return text + "\n";
}

struct Template {
  std::string_view name, text;
};

Template template_for(const JobRequest& request) {
  if (request.gpus_per_node > 0) return {"multi-gpu", slurm_templates.multi_gpu};
  if (request.nodes > 1) return {"several-nodes", slurm_templates.several_nodes};
  return {"one-node", slurm_templates.one_node};
}

}  // namespace

std::int64_t warning_s(std::int64_t time_s) {
  return std::clamp<std::int64_t>(time_s / 10, 30, 300);
}

std::string render_script(const JobRequest& request) {
  constexpr std::string_view kOption = "#SBATCH ";
  const Template chosen = template_for(request);
  Values values = values_of(request);
  std::istringstream lines{std::string(chosen.text)};
  std::string script, line;
  while (std::getline(lines, line)) {
    if (line.starts_with(kOption)) {
      script += with_values(line, values) + "\n";
    } else if (line.starts_with("# shellcheck source=")) {
      // The options are over: what the template does not have is added here.
      for (const auto& [key, value] : values)
        script += fmt::format("{}--{}={}\n", kOption, key, value);
      values.clear();
    } else if (line.starts_with("source ")) {
      script += job_part(request);
    } else {
      script += line + "\n";
    }
    if (line.starts_with("#!"))
      script += fmt::format("# Written by tilepool submit after slurm/{}.sbatch.\n", chosen.name);
  }
  check(values.empty(), ErrorCode::kInternal, "the template {} sources nothing", chosen.name);
  return script;
}

}  // namespace tilepool
