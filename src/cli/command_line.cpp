#include "cli/command_line.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "cli/versions.h"
#include "common/base/error.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

namespace po = boost::program_options;

struct VerbInfo {
  Verb verb;
  std::string_view name;
  std::string_view operand;  ///< "CONFIG", "[CONFIG]", "RUN_DIR" or ""
  std::string_view summary;
};

constexpr std::array kVerbs = {
    VerbInfo{Verb::kPlan, "plan", "CONFIG",
             "open every slide, count tiles, check budgets, estimate time and bytes"},
    VerbInfo{Verb::kRun, "run", "CONFIG",
             "the job, alone or under mpirun or srun; run again to resume"},
    VerbInfo{Verb::kLaunch, "launch", "run CONFIG",
             "run under mpirun so that a lost worker does not end it"},
    VerbInfo{Verb::kStatus, "status", "RUN_DIR", "what a run has done, slide by slide"},
    VerbInfo{Verb::kReport, "report", "RUN_DIR", "write report.html again"},
    VerbInfo{Verb::kBench, "bench", "CONFIG",
             "where a job's time goes on this machine: files, decoding, reading, computing"},
    VerbInfo{Verb::kExport, "export", "RUN_DIR", "results in the formats of other programs"},
    VerbInfo{Verb::kAnnotations, "annotations", "FILE...",
             "regions that were drawn on slides: what is in their files; a mask of them"},
    VerbInfo{Verb::kServe, "serve", "RUN_DIR", "show its pages to a browser of this machine"},
    VerbInfo{Verb::kTrain, "train", "RUN_DIR", "train a classifier from reviewed cells"},
    VerbInfo{Verb::kClassify, "classify", "RUN_DIR", "score the cells of a run with a classifier"},
    VerbInfo{Verb::kSubmit, "submit", "CONFIG", "render the Slurm script and submit it"},
    VerbInfo{Verb::kDoctor, "doctor", "[CONFIG]", "check this machine, PASS / WARN / FAIL"},
    VerbInfo{Verb::kSynth, "synth", "", "make a synthetic cohort with known cells"},
    VerbInfo{Verb::kConfig, "config", "[CONFIG]",
             "print every key at its default, or CONFIG with all keys resolved"},
};

const VerbInfo& info_of(std::string_view name) {
  const auto* const found =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const auto& v) { return v.name == name; });
  if (found != kVerbs.end()) return *found;
  std::vector<std::string> names;
  names.reserve(kVerbs.size());
  for (const VerbInfo& verb : kVerbs) names.emplace_back(verb.name);
  const auto meant = nearest_of(name, names);
  fail(ErrorCode::kUsage, "unknown command \"{}\"{}; tilepool --help lists them",
       printable_utf8(name), meant ? fmt::format("; did you mean {}?", *meant) : "");
}

std::string overview() {
  std::string text =
      "tilepool: pools tiles over a cohort of whole-slide images, draws an unbiased sample, and\n"
      "segments it on as many ranks as there are\n\nusage:\n";
  for (const VerbInfo& verb : kVerbs)
    text += fmt::format("  tilepool {:<11} {:<11} {}\n", verb.name, verb.operand, verb.summary);
  return text +
         "\n"
         "  common: --set /json/pointer=value  --run-dir DIR  --json  --quiet  --version  --help\n"
         "  tilepool COMMAND --help explains a command; docs/cli.md the exit codes\n";
}

auto path_value(std::filesystem::path& target) {
  // Not po::value<path>: its stream operator splits at blanks.
  return po::value<std::string>()->notifier([&target](const std::string& text) { target = text; });
}

/// An integer in [min, max].
template <class T>
auto number_value(const char* option, T& target, std::int64_t min, std::int64_t max) {
  return po::value<std::int64_t>()->notifier([=, &target](std::int64_t value) {
    check(value >= min && value <= max, ErrorCode::kUsage, "{}: {} is not in [{}, {}]", option,
          value, min, max);
    target = static_cast<T>(value);
  });
}

/// The options that a verb takes beside the common ones.
void add_own_options(Verb verb, CommandLine& line, po::options_description& options) {
  auto add = options.add_options();
  switch (verb) {
    case Verb::kRun:
      add("fresh", po::bool_switch(&line.fresh),
          "start over when the run directory holds another configuration's results");
      add("retry-failed", po::bool_switch(&line.retry_failed),
          "compute the tiles again that failed, and pack again");
      break;
    case Verb::kLaunch:
      add("ranks,n", number_value("-n", line.ranks, 1, 1 << 20)->required()->value_name("N"),
          "ranks to start");
      add("hostfile", po::value(&line.hostfile)->value_name("FILE"), "mpirun's list of hosts");
      add("restarts",
          number_value("--restarts", line.restarts, 0, 1000)->default_value(0)->value_name("R"),
          "start again at most this often within the allocation");
      break;
    case Verb::kStatus:
      add("watch", po::bool_switch(&line.watch), "go on until the run ends");
      add("exit-code", po::bool_switch(&line.exit_code), "exit with the run's own exit code");
      break;
    case Verb::kBench:
      add("seconds",
          number_value("--seconds", line.seconds, 2, 86400)->default_value(60)->value_name("S"),
          "what it may take, about");
      add("threads", number_value("--threads", line.threads, 1, 1024)->value_name("N"),
          "most threads to read with (default: the cores that are granted)");
      add("out", path_value(line.out)->default_value("bench.html")->value_name("FILE"),
          "the page to write");
      break;
    case Verb::kExport:
      add("format", po::value(&line.format)->required()->value_name("F[,F...]"),
          "geojson (QuPath), csv, h5ad (AnnData), annotationstore (TIAToolbox), clam, trident, "
          "npy (pixels of patches), review (pages to label cells in a browser)");
      add("out", path_value(line.out)->required()->value_name("DIR"),
          "where to write; made, and files in it replaced");
      add("tiles", po::value(&line.tiles)->default_value("pool")->value_name("pool|sample"),
          "clam, trident: all pooled tiles, or those of the sample");
      add("crop-px",
          number_value("--crop-px", line.crop_px, 32, 1024)->default_value(200)->value_name("PX"),
          "review: edge of a cell's picture in level-0 pixels");
      add("max-cells",
          number_value("--max-cells", line.max_cells, 1, 10'000'000)
              ->default_value(100'000)
              ->value_name("N"),
          "review: most cells; of a larger run a random choice, the same each time");
      break;
    case Verb::kAnnotations:
      add("slide", path_value(line.slide)->value_name("SLIDE"),
          "the slide that they were drawn on: areas in um^2, and what --out and NDPA files need");
      add("out", path_value(line.out)->value_name("FILE"),
          "write the regions of the one FILE as a label image of the slide, a pyramidal TIFF");
      add("classes", po::value(&line.mask_classes)->value_name("NAME=VALUE[,...]"),
          "values of groups or names in it, 1..255, later ones over earlier ones (default: the "
          "groups by name, from 1 on)");
      break;
    case Verb::kServe:
      add("port", number_value("--port", line.port, 0, 65535)->default_value(8470)->value_name("N"),
          "at 127.0.0.1; 0: any that is free. Labels are kept for each port");
      break;
    case Verb::kTrain:
      add("labels", po::value(&line.labels)->required()->value_name("FILE[,FILE]"),
          "reviewed labels, one file an annotator");
      add("class", po::value(&line.class_name)->required()->value_name("NAME"), "class to learn");
      add("out", path_value(line.out)->required()->value_name("FILE"),
          "the model, JSON; its page goes beside it");
      add("kind", po::value(&line.kind)->default_value("boosting")->value_name("KIND"),
          "boosting or forest");
      add("group-by", po::value(&line.group_by)->default_value("slide")->value_name("WHAT"),
          "slide or tile: what cross-validation keeps together");
      add("threshold", po::value(&line.threshold)->default_value("0.5")->value_name("T"),
          "the score from which up a cell is called yes, or counts: as many as are");
      add("seed",
          number_value("--seed", line.seed, 0, INT32_MAX)->default_value(0)->value_name("S"),
          "the same seed and labels make the same model");
      add("accept-below-gate", po::bool_switch(&line.accept_below_gate),
          "write the model although it misses a gate");
      break;
    case Verb::kClassify:
      add("model", path_value(line.model)->required()->value_name("FILE"), "from tilepool train");
      add("out", path_value(line.out)->value_name("FILE"),
          "where to write (default RUN_DIR/classified/CLASS.h5)");
      add("any-pipeline", po::bool_switch(&line.any_pipeline),
          "take a model of another pipeline when its features are the same");
      break;
    case Verb::kSubmit:
      add("nodes", number_value("--nodes", line.nodes, 1, 100000)->required()->value_name("N"),
          "nodes to ask for");
      add("gpus-per-node",
          number_value("--gpus-per-node", line.gpus_per_node, 0, 64)->required()->value_name("G"),
          "GPUs on each, 0 for none");
      add("ranks-per-node",
          number_value("--ranks-per-node", line.ranks_per_node, 1, 1024)->value_name("R"),
          "ranks on each (default: as many as its cores and memory allow; with GPUs one for each)");
      add("cpus-per-task",
          number_value("--cpus-per-task", line.cpus_per_task, 1, 1024)->value_name("C"),
          "cores of each rank (default: /workers/readers, else 4; with GPUs an equal share)");
      add("mem", po::value(&line.memory)->value_name("SIZE"),
          "memory on each node, as sbatch has it (default: of all ranks, or the cores' share)");
      add("time", po::value(&line.time)->value_name("TIME"),
          "walltime, as sbatch has it (default: 8 hours, or the partition's limit)");
      add("partition", po::value(&line.partition)->value_name("NAME"),
          "partition (default: the first that fits)");
      add("account", po::value(&line.account)->value_name("NAME"), "account to charge");
      add("dry-run", po::bool_switch(&line.dry_run), "print the script, submit nothing");
      break;
    case Verb::kSynth:
      add("out", path_value(line.out)->required()->value_name("DIR"), "where to write");
      add("slides",
          number_value("--slides", line.slides, 1, 10000)->default_value(3)->value_name("N"),
          "slides to make");
      add("size",
          number_value("--size", line.size_px, 256, 100000)->default_value(4096)->value_name("PX"),
          "edge of a slide in level-0 pixels");
      add("seed",
          number_value("--seed", line.seed, 0, INT64_MAX)->default_value(1)->value_name("S"),
          "the same seed makes the same slides");
      break;
    case Verb::kConfig:
      add("table", po::bool_switch(&line.table), "the keys as a Markdown table");
      break;
    case Verb::kPrint:
    case Verb::kPlan:
    case Verb::kReport:
      break;
    case Verb::kDoctor:
      add("kill-a-worker", po::bool_switch(&line.kill_a_worker),
          "try it: run a small slide with two workers and kill one");
      break;
  }
}

/// Own and common options of a verb, bound to the fields of `line`.
po::options_description options_of(Verb verb, CommandLine& line) {
  po::options_description options("options");
  add_own_options(verb, line, options);
  auto add = options.add_options();
  add("set", po::value(&line.sets)->composing()->value_name("/json/pointer=value"),
      "set one key of the configuration; wins over the file");
  add("run-dir", path_value(line.run_dir)->value_name("DIR"),
      "the run directory (default runs/<config name>)");
  add("json", po::bool_switch(&line.json), "machine-readable output on stdout");
  add("quiet", po::bool_switch(&line.quiet), "only warnings and errors on stderr");
  add("version", "print the version");
  add("help,h", "print this");
  return options;
}

std::string verb_help(const VerbInfo& verb, const po::options_description& options) {
  std::ostringstream text;
  text << "usage: tilepool " << verb.name;
  if (verb.verb == Verb::kLaunch) text << " -n N [--hostfile FILE] [--restarts R]";
  if (!verb.operand.empty()) text << ' ' << verb.operand;
  text << " [options]\n" << verb.summary << "\n\n" << options;
  return text.str();
}

[[noreturn]] void fail_unknown_option(const std::string& written, const VerbInfo& verb,
                                      const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back("--" + option->long_name());
  const auto meant = nearest_of(written, names);
  fail(ErrorCode::kUsage, "tilepool {}: unknown option {}{}; tilepool {} --help lists them",
       verb.name, printable_utf8(written), meant ? fmt::format("; did you mean {}?", *meant) : "",
       verb.name);
}

/// Stores the options among `arguments` into the fields they are bound to; returns the operands.
std::vector<std::string> parse_options(const VerbInfo& verb,
                                       const std::vector<std::string>& arguments,
                                       const po::options_description& options) {
  namespace style = po::command_line_style;
  std::vector<std::string> operands;
  po::options_description with_operands;
  with_operands.add(options).add_options()("operand", po::value(&operands));
  po::positional_options_description positions;
  positions.add("operand", -1);
  try {
    po::variables_map values;
    po::store(po::command_line_parser(arguments)
                  .options(with_operands)
                  .positional(positions)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    fail_unknown_option(error.get_option_name(), verb, options);
  } catch (const po::error& error) {
    fail(ErrorCode::kUsage, "tilepool {}: {}; see tilepool {} --help", verb.name,
         printable_utf8(error.what()), verb.name);
  }
  return operands;
}

void take_operand(const VerbInfo& verb, const std::vector<std::string>& operands,
                  CommandLine& line) {
  const bool optional = verb.operand.empty() || verb.operand.starts_with('[');
  check(optional || !operands.empty(), ErrorCode::kUsage,
        "tilepool {} needs {}; see tilepool {} --help", verb.name, verb.operand, verb.name);
  if (verb.verb == Verb::kAnnotations) {
    line.files = operands;
    return;
  }
  const std::size_t most = verb.operand.empty() ? 0 : 1;
  check(operands.size() <= most, ErrorCode::kUsage,
        "tilepool {}: {} is one argument too many; see tilepool {} --help", verb.name,
        operands.size() > most ? printable_utf8(operands[most]) : "", verb.name);
  if (operands.empty()) return;
  if (verb.operand == "RUN_DIR") {
    check(line.run_dir.empty() || line.run_dir == operands[0], ErrorCode::kUsage,
          "tilepool {}: --run-dir {} contradicts {}", verb.name, line.run_dir.string(),
          operands[0]);
    line.run_dir = operands[0];
    return;
  }
  line.config = operands[0];
  if (line.run_dir.empty())
    line.run_dir = std::filesystem::path("runs") / std::filesystem::path(line.config).stem();
}

/// Where the command that `launch` starts begins: at the first argument that is neither an option
/// nor an option's value.
std::size_t launched_command(const std::vector<std::string>& arguments) {
  std::size_t at = 0;
  while (at < arguments.size() && arguments[at].starts_with('-')) {
    const std::string& option = arguments[at];
    const bool value_follows =
        option == "-n" || option == "--ranks" || option == "--hostfile" || option == "--restarts";
    at += value_follows ? 2 : 1;
  }
  return std::min(at, arguments.size());
}

bool asks(const std::vector<std::string>& arguments, std::string_view long_name,
          std::string_view short_name) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::any_of(arguments.begin(), end, [&](const std::string& argument) {
    return argument == long_name || argument == short_name;
  });
}

CommandLine print(std::string text) {
  CommandLine line;
  line.text = std::move(text);
  return line;
}

CommandLine parse_verb(const VerbInfo& verb, const std::vector<std::string>& arguments) {
  CommandLine line;
  const po::options_description options = options_of(verb.verb, line);
  if (asks(arguments, "--help", "-h")) return print(verb_help(verb, options));
  if (asks(arguments, "--version", "--version")) return print(version_line());
  line.verb = verb.verb;
  take_operand(verb, parse_options(verb, arguments, options), line);
  return line;
}

/// `launch` takes its own options, then the whole of a `run` command.
CommandLine parse_launch(const VerbInfo& launch, const std::vector<std::string>& arguments) {
  const auto begin = arguments.begin() + static_cast<std::ptrdiff_t>(launched_command(arguments));
  CommandLine own;
  const std::vector<std::string> own_arguments(arguments.begin(), begin);
  const po::options_description options = options_of(Verb::kLaunch, own);
  if (asks(own_arguments, "--help", "-h")) return print(verb_help(launch, options));
  const auto unexpected = parse_options(launch, own_arguments, options);
  check(begin != arguments.end() && *begin == "run" && unexpected.empty(), ErrorCode::kUsage,
        "tilepool launch -n N ... run CONFIG: {} where the command `run` is expected",
        begin == arguments.end() ? "nothing" : printable_utf8(*begin));
  check(own.sets.empty() && own.run_dir.empty() && !own.json && !own.quiet, ErrorCode::kUsage,
        "tilepool launch: write --set, --run-dir, --json and --quiet behind `run`");
  CommandLine line = parse_verb(info_of("run"), {begin + 1, arguments.end()});
  if (line.verb == Verb::kPrint) return line;
  line.verb = Verb::kLaunch;
  line.ranks = own.ranks;
  line.hostfile = own.hostfile;
  line.restarts = own.restarts;
  line.command.assign(begin, arguments.end());
  return line;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  check(!arguments.empty(), ErrorCode::kUsage, "a command is missing\n{}", overview());
  const std::string& first = arguments[0];
  if (first == "--help" || first == "-h" || first == "help") return print(overview());
  if (first == "--version") return print(version_line());
  check(!first.starts_with('-'), ErrorCode::kUsage,
        "the command comes first, then {}; tilepool --help lists the commands",
        printable_utf8(first));
  const VerbInfo& verb = info_of(first);
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  return verb.verb == Verb::kLaunch ? parse_launch(verb, rest) : parse_verb(verb, rest);
}

}  // namespace tilepool
