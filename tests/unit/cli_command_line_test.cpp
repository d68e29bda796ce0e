#include <fstream>
#include <iterator>
#include <regex>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"
#include "cli/versions.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tilepool");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

std::string usage_error(const std::vector<const char*>& arguments) {
  try {
    static_cast<void>(parse(arguments));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_EQ(exit_code_of(error.code()), 64);
    return error.what();
  }
  return "nothing thrown";
}

TEST(CommandLine, RunTakesAConfigAndSets) {
  const CommandLine line = parse({"run", "configs/my job.json", "--set", "/sample/fraction=0.5",
                                  "--set=/workers/readers=-1", "--fresh", "--quiet"});
  EXPECT_EQ(line.verb, Verb::kRun);
  EXPECT_EQ(line.config, "configs/my job.json");
  EXPECT_EQ(line.sets, (std::vector<std::string>{"/sample/fraction=0.5", "/workers/readers=-1"}));
  EXPECT_EQ(line.run_dir, "runs/my job");
  EXPECT_TRUE(line.fresh);
  EXPECT_FALSE(line.retry_failed);
  EXPECT_TRUE(parse({"run", "c.json", "--retry-failed"}).retry_failed);
  EXPECT_TRUE(line.quiet);
  EXPECT_FALSE(line.json);
}

TEST(CommandLine, OptionsMayComeBeforeTheConfig) {
  const CommandLine line = parse({"run", "--set", "/a=b", "--run-dir", "my runs/1", "c.json"});
  EXPECT_EQ(line.config, "c.json");
  EXPECT_EQ(line.run_dir, "my runs/1");
}

TEST(CommandLine, LaunchHandsOnItsCommand) {
  const CommandLine line = parse({"launch", "-n", "4", "--hostfile", "run", "--restarts=2", "run",
                                  "c.json", "--set", "/sample/count=5"});
  EXPECT_EQ(line.verb, Verb::kLaunch);
  EXPECT_EQ(line.ranks, 4);
  EXPECT_EQ(line.hostfile, "run");
  EXPECT_EQ(line.restarts, 2);
  EXPECT_EQ(line.config, "c.json");
  EXPECT_EQ(line.run_dir, "runs/c");
  EXPECT_EQ(line.command, (std::vector<std::string>{"run", "c.json", "--set", "/sample/count=5"}));
}

TEST(CommandLine, LaunchMistakes) {
  EXPECT_NE(usage_error({"launch", "run", "c.json"}).find("'--ranks' is required"),
            std::string::npos);
  EXPECT_NE(usage_error({"launch", "-n", "0", "run", "c.json"}).find("-n: 0 is not in [1,"),
            std::string::npos);
  EXPECT_NE(usage_error({"launch", "-n", "2", "plan", "c.json"}).find("plan where the command"),
            std::string::npos);
  EXPECT_NE(usage_error({"launch", "-n", "2"}).find("nothing where the command"),
            std::string::npos);
  EXPECT_NE(usage_error({"launch", "-n", "2", "--quiet", "run", "c"}).find("behind `run`"),
            std::string::npos);
}

TEST(CommandLine, VerbsAndTheirOptions) {
  const CommandLine status = parse({"status", "runs/x/", "--watch", "--exit-code", "--json"});
  EXPECT_EQ(status.verb, Verb::kStatus);
  EXPECT_EQ(status.run_dir, "runs/x/");
  EXPECT_TRUE(status.watch && status.exit_code && status.json);

  const CommandLine exported = parse({"export", "r", "--format", "csv", "--out", "a b"});
  EXPECT_EQ(exported.verb, Verb::kExport);
  EXPECT_EQ(exported.format, "csv");
  EXPECT_EQ(exported.out, "a b");

  const CommandLine train =
      parse({"train", "r", "--labels", "l.json", "--class", "mk", "--out", "m.json"});
  EXPECT_EQ(train.verb, Verb::kTrain);
  EXPECT_EQ(train.class_name, "mk");
  EXPECT_EQ(train.kind, "boosting");
  EXPECT_EQ(train.group_by, "slide");
  EXPECT_FALSE(train.accept_below_gate);

  const CommandLine classify = parse({"classify", "r", "--model", "m.json", "--any-pipeline"});
  EXPECT_EQ(classify.verb, Verb::kClassify);
  EXPECT_EQ(classify.model, "m.json");
  EXPECT_TRUE(classify.out.empty() && classify.any_pipeline);

  const CommandLine submit =
      parse({"submit", "c.json", "--nodes", "2", "--gpus-per-node", "4", "--dry-run"});
  EXPECT_EQ(submit.verb, Verb::kSubmit);
  EXPECT_EQ(submit.nodes, 2);
  EXPECT_EQ(submit.gpus_per_node, 4);
  EXPECT_TRUE(submit.dry_run);

  const CommandLine synth = parse({"synth", "--out", "d", "--slides", "2", "--size=1024"});
  EXPECT_EQ(synth.verb, Verb::kSynth);
  EXPECT_EQ(synth.slides, 2);
  EXPECT_EQ(synth.size_px, 1024);
  EXPECT_EQ(synth.seed, 1U);

  const CommandLine bench = parse({"bench", "c.json", "--seconds", "9", "--threads=3"});
  EXPECT_EQ(bench.verb, Verb::kBench);
  EXPECT_EQ(bench.seconds, 9);
  EXPECT_EQ(bench.threads, 3);
  EXPECT_EQ(bench.out, "bench.html");
  EXPECT_EQ(parse({"bench", "c.json"}).threads, 0);
  EXPECT_NE(usage_error({"bench", "c.json", "--seconds", "1"}).find("--seconds: 1 is not in [2,"),
            std::string::npos);

  EXPECT_EQ(parse({"doctor"}).config, "");
  EXPECT_EQ(parse({"doctor", "c.json"}).config, "c.json");
  EXPECT_EQ(parse({"report", "r"}).verb, Verb::kReport);
  EXPECT_EQ(parse({"plan", "c"}).verb, Verb::kPlan);
  EXPECT_TRUE(parse({"config", "--table"}).table);
}

TEST(CommandLine, MistakesSuggestWhatWasMeant) {
  EXPECT_EQ(usage_error({"rum", "c.json"}),
            "unknown command \"rum\"; did you mean run?; tilepool --help lists them");
  EXPECT_EQ(
      usage_error({"run", "c.json", "--frehs"}),
      "tilepool run: unknown option --frehs; did you mean --fresh?; tilepool run --help lists "
      "them");
  EXPECT_EQ(usage_error({"run", "c.json", "--watch"}),
            "tilepool run: unknown option --watch; tilepool run --help lists them");
  EXPECT_NE(usage_error({"run", "c.json", "--fre"}).find("unknown option --fre"),
            std::string::npos);  // no guessing
  EXPECT_NE(usage_error({"run"}).find("tilepool run needs CONFIG"), std::string::npos);
  EXPECT_NE(usage_error({"run", "a", "b"}).find("b is one argument too many"), std::string::npos);
  EXPECT_NE(usage_error({"synth", "--out", "d", "--size", "1.5"}).find("1.5"), std::string::npos);
  EXPECT_NE(usage_error({"synth", "--out", "d", "--seed", "-1"}).find("-1"), std::string::npos);
  EXPECT_NE(usage_error({"export", "r", "--out", "d"}).find("'--format' is required"),
            std::string::npos);
  EXPECT_NE(usage_error({"status", "a", "--run-dir", "b"}).find("contradicts"), std::string::npos);
  EXPECT_NE(usage_error({}).find("usage:"), std::string::npos);
  EXPECT_NE(usage_error({"--quiet", "run", "c"}).find("the command comes first"),
            std::string::npos);
}

TEST(CommandLine, HelpAndVersionArePrinted) {
  EXPECT_EQ(parse({"--version"}).text, version_line());
  EXPECT_EQ(parse({"run", "--version"}).text, version_line());
  const CommandLine help = parse({"--help"});
  EXPECT_EQ(help.verb, Verb::kPrint);
  for (const char* verb : {"plan", "run", "launch", "bench", "status", "report", "export", "train",
                           "classify", "submit", "doctor", "synth", "config"}) {
    EXPECT_NE(help.text.find(verb), std::string::npos) << verb;
    const CommandLine own = parse({verb, "--help"});  // nothing else is required
    EXPECT_EQ(own.verb, Verb::kPrint);
    EXPECT_NE(own.text.find(std::string("usage: tilepool ") + verb), std::string::npos);
    EXPECT_NE(own.text.find("--set /json/pointer=value"), std::string::npos);
  }
}

/// docs/cli.md tells of every command, its options and every exit code.
TEST(CommandLine, DocumentIsComplete) {
  std::ifstream stream(std::string(TILEPOOL_SOURCE_DIR) + "/docs/cli.md");
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  for (const char* verb : {"plan", "run", "launch", "bench", "status", "report", "export", "train",
                           "classify", "submit", "doctor", "synth", "config"}) {
    EXPECT_NE(text.find(std::string("| `") + verb + " "), std::string::npos) << verb;
    const std::string help = parse({verb, "--help"}).text;
    const std::regex option("--[a-z-]+");
    for (std::sregex_iterator it(help.begin(), help.end(), option), end; it != end; ++it)
      EXPECT_TRUE(text.find(it->str()) != std::string::npos || it->str() == "--ranks")
          << verb << " " << it->str();
  }
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const int exit_code = exit_code_of(static_cast<ErrorCode>(code));
    const bool together = text.find(fmt::format("| {} | ", exit_code)) != std::string::npos;
    EXPECT_TRUE(together) << exit_code;
  }
}

TEST(Versions, NameEveryLibrary) {
  std::string names;
  for (const auto& [name, version] : library_versions()) {
    EXPECT_FALSE(version.empty()) << name;
    names += name + " ";
  }
  for (const char* expected : {"mpi", "hdf5", "openslide", "boost", "lz4", "compiler"})
    EXPECT_NE(names.find(expected), std::string::npos) << expected;
}

}  // namespace
}  // namespace tilepool
