#!/usr/bin/env bash
# Builds tilepool and runs its main job, one master and two workers.
#   scripts/demo.sh [SLIDE...]     without slides: over a small cohort that is synthesised first
# Run again, it resumes: only what is missing is done.
set -euo pipefail
# shellcheck source=scripts/stages.sh
source "$(dirname "${BASH_SOURCE[0]}")/stages.sh"

slides=()
for slide in "$@"; do
  if [[ ! -e $slide ]]; then
    echo "demo.sh: $slide: no such file" >&2
    exit 66
  fi
  slides+=("$(realpath -s -- "$slide")")
done
cd "$root"
tilepool=$root/build/release/bin/tilepool

scripts/setup.sh build
stage build-release build release tilepool

# json TEXT: as a JSON string.
json() { printf '"%s"' "$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

# write_config FILE FRACTION SLIDE...
write_config() {
  local file=$1 fraction=$2 comma='' slide
  shift 2
  {
    printf '// Written by scripts/demo.sh. configs/reference.jsonc explains every key.\n{\n'
    printf '  "slides": ['
    for slide in "$@"; do
      printf '%s\n    %s' "$comma" "$(json "$slide")"
      comma=,
    done
    printf '\n  ],\n  "tiles": {"size_px": 1024, "halo_px": 96},\n'
    printf '  "sample": {"fraction": %s, "seed": 42},\n' "$fraction"
    printf '  "task": {"kind": "segment"}\n}\n'
  } >"$file"
}

mkdir -p build/demo
if ((${#slides[@]} == 0)); then
  name=demo
  if [[ ! -e build/demo/slides/complete ]]; then
    stage synth "$tilepool" synth --out build/demo/slides --slides 3 --size 4096 --seed 1
    touch build/demo/slides/complete
  fi
  write_config "build/demo/$name.jsonc" 0.5 "$root/build/demo/slides/*.tif"
else
  # A cohort of its own has a run directory of its own.
  name=demo-$(printf '%s\n' "${slides[@]}" | cksum | cut -d ' ' -f 1)
  write_config "build/demo/$name.jsonc" 0.1 "${slides[@]}"
fi

command=("$tilepool" launch -n 3 run "build/demo/$name.jsonc")
echo "${command[*]}"
code=0
"${command[@]}" || code=$?
if ((code == 0 || code == 3)); then
  command=("$tilepool" export "runs/$name" --format review --out "runs/$name/exports")
  echo "${command[*]}"
  "${command[@]}" >/dev/null || code=$?
fi

echo
for file in results.h5 report.html slides.csv exports/review/index.html; do
  if [[ -e runs/$name/$file ]]; then echo "$root/runs/$name/$file"; fi
done
exit "$code"
