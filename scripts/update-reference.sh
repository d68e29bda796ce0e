#!/usr/bin/env bash
# Writes configs/reference.jsonc and the table of docs/configuration.md again, after a key or a
# default changed.   scripts/update-reference.sh [TILEPOOL]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tilepool=${1:-build/release/bin/tilepool}
"$tilepool" config >build/reference.jsonc
"$tilepool" config --table >build/reference.md
cp build/reference.jsonc configs/reference.jsonc
{
  sed '/^| key | /,$d' docs/configuration.md
  cat build/reference.md
} >build/configuration.md
cp build/configuration.md docs/configuration.md
