#!/usr/bin/env bash
# Runs the tests of faults and writes the table of docs/reliability.md from what they saw.
#   scripts/fault-matrix.sh [TABLE.jsonl]     with a file: of an earlier run, TILEPOOL_FAULT_TABLE
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/stages.sh"
cd "$root"

table=${1:-}
if [[ -z $table ]]; then
  table=$logs/faults.jsonl
  rm -f "$table"
  stage build build dev
  stage faults env TILEPOOL_FAULT_TABLE="$table" ctest --test-dir build/dev -L faults --no-tests=error
fi
python3 - "$table" docs/reliability.md <<'PYTHON'
import json
import sys
from pathlib import Path

seen = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
rows = {(r["environment"], r["launcher"], r["fault"], r["where"]): r for r in seen}.values()
lines = ["| where | launcher | fault | on | ended | exit codes | s |", "|---|---|---|---|---|---|---|"]
for row in rows:
    lines.append("| {environment} | {launcher} | {fault} | {where} | {end} | {codes} | {seconds} |"
                 .format(**{**row, "codes": ", ".join(map(str, row["codes"]))}))
page = Path(sys.argv[2])
text = page.read_text()
begin, end = "<!-- matrix -->\n", "<!-- end of matrix -->"
head, rest = text.split(begin)
page.write_text(head + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])
PYTHON
echo "docs/reliability.md: $(wc -l <"$table") rows"
