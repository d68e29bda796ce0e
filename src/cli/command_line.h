#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tilepool {

enum class Verb {
  kPrint,  ///< --help or --version: print `text` and succeed
  kPlan,
  kRun,
  kBench,
  kLaunch,
  kStatus,
  kReport,
  kExport,
  kAnnotations,
  kServe,
  kTrain,
  kClassify,
  kSubmit,
  kDoctor,
  kSynth,
  kConfig,
};

/// The command line as typed values. A field that its verb does not use keeps its default.
struct CommandLine {
  Verb verb = Verb::kPrint;
  std::string text;  ///< what kPrint prints

  std::string config;             ///< CONFIG; empty where it may be left out
  std::vector<std::string> sets;  ///< "/json/pointer=value", in order
  std::filesystem::path run_dir;  ///< RUN_DIR or --run-dir, else runs/<config name>
  bool json = false;
  bool quiet = false;

  bool fresh = false;          ///< run, launch: throw away what an other configuration left
  bool retry_failed = false;   ///< run, launch: compute failed tiles again
  bool kill_a_worker = false;  ///< doctor
  bool watch = false;          ///< status
  bool exit_code = false;      ///< status: exit as the run did
  bool table = false;          ///< config: the Markdown table of the keys
  bool dry_run = false;        ///< submit
  std::uint16_t port = 0;      ///< serve; 0: any that is free

  int ranks = 0;                     ///< launch -n, >= 1
  std::string hostfile;              ///< launch
  int restarts = 0;                  ///< launch, >= 0
  std::vector<std::string> command;  ///< launch: "run", CONFIG and its options, to hand on

  std::string format;                                ///< export: names with commas between
  std::string tiles;                                 ///< export: pool or sample
  std::int64_t crop_px = 0;                          ///< export: 32..1024
  std::uint64_t max_cells = 0;                       ///< export: 1..10,000,000
  std::filesystem::path out;                         ///< export, train, classify, synth, bench
  std::string labels;                                ///< train: files, commas between them
  std::string class_name;                            ///< train
  std::string kind, group_by, threshold;             ///< train
  bool accept_below_gate = false;                    ///< train
  std::filesystem::path model;                       ///< classify
  bool any_pipeline = false;                         ///< classify
  int nodes = 0, gpus_per_node = 0;                  ///< submit
  std::optional<int> ranks_per_node, cpus_per_task;  ///< submit, >= 1
  std::string memory, time;                          ///< submit: in Slurm's words
  std::string partition, account;                    ///< submit
  double seconds = 0;                                ///< bench, >= 1
  int threads = 0;                                   ///< bench: the most to try; 0: all cores
  int slides = 0;                                    ///< synth, >= 1
  std::int64_t size_px = 0;                          ///< synth: edge of a slide, 256..100000
  std::uint64_t seed = 0;                            ///< synth, train
  std::vector<std::string> files;                    ///< annotations: FILE..., at least one
  std::filesystem::path slide;                       ///< annotations: empty: none
  std::string mask_classes;                          ///< annotations: "name=value,..."
};

/// Parses `argv`. Throws Error(kUsage) with what is wrong, the nearest verb or option, and how to
/// get help.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace tilepool
