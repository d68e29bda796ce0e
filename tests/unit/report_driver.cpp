// Usage: report_driver RUN_DIR STAGE COPIES - writes a run directory of known content and its
// report, and prints what is in it as JSON. STAGE: started, halfway, dead, finished.

#include <cstdio>
#include <map>
#include <string>

#include <fmt/core.h>

#include "common/base/error.h"
#include "report/report.h"
#include "report_fixture.h"

int main(int argc, char** argv) {
  using namespace tilepool;
  using testing::FixtureStage;
  const std::map<std::string, FixtureStage> stages = {{"started", FixtureStage::kStarted},
                                                      {"halfway", FixtureStage::kHalfWay},
                                                      {"dead", FixtureStage::kDead},
                                                      {"finished", FixtureStage::kFinished}};
  if (argc != 4 || !stages.contains(argv[2])) return 64;
  try {
    const testing::FixtureFacts facts =
        testing::write_fixture(argv[1], stages.at(argv[2]), std::stoi(argv[3]));
    write_report(RunLayout(argv[1]));
    fmt::print(R"({{"grid": {}, "pool": {}, "sample": {}, "done": {}, "failed": {}, "cells": {}}})"
               "\n",
               facts.grid, facts.pool, facts.sample, facts.done, facts.failed, facts.cells);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return exit_code_of(error.code());
  }
  return 0;
}
