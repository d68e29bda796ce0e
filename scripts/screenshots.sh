#!/usr/bin/env bash
# The pictures of the documentation, docs/report*.webp and docs/review.webp, of a run over a cohort
# that is synthesised here: two groups, a slide cut short, a tile that crashes its process.
#   scripts/screenshots.sh [TILEPOOL]     default build/release/bin/tilepool
# Needs chromium, chromium-driver, python3-selenium and python3-pil (scripts/setup.sh test).
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/stages.sh"

tilepool=$(realpath -- "${1:-$root/build/release/bin/tilepool}")
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"

"$tilepool" synth --out slides --slides 6 --size 4096 --seed 3 --quiet >/dev/null
head -c 4000 slides/synth-006.tif >slides/cut-short.tif
cat >marrow.json <<'JSON'
{
  "slides": [
    {"path": "slides/synth-001.tif", "group": "control"},
    {"path": "slides/synth-002.tif", "group": "control"},
    {"path": "slides/synth-003.tif", "group": "control"},
    {"path": "slides/synth-004.tif", "group": "treated"},
    {"path": "slides/synth-005.tif", "group": "treated"},
    {"path": "slides/cut-short.tif", "group": "treated"}
  ],
  "tiles": {"size_px": 384, "halo_px": 96},
  "sample": {"fraction": 0.4, "seed": 42},
  "task": {"kind": "segment", "classes": [
    {"name": "small nucleus", "min_area_um2": 15, "max_area_um2": 32},
    {"name": "large nucleus", "min_area_um2": 32, "max_area_um2": 300}
  ]}
}
JSON
code=0
TILEPOOL_FAULT="at=compute do=segv index=20" "$tilepool" launch -n 4 run marrow.json \
  --run-dir marrow --quiet 2>launch.log || code=$?
if ((code != 3)); then
  cat launch.log >&2
  echo "screenshots.sh: the run ended with $code, not with 3 for the slide and the tile that fail" >&2
  exit 1
fi
"$tilepool" export marrow --format review --out . --quiet >/dev/null
"$root/scripts/photograph.py" marrow/report.html "$root/docs/report.webp" 1300 1840
"$root/scripts/photograph.py" marrow/report.html#groups "$root/docs/report-groups.webp" 1300 1760
"$root/scripts/photograph.py" review/index.html "$root/docs/review.webp" 1400 1000 yynyyuyny
