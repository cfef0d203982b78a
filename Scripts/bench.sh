#!/usr/bin/env bash
# Measures Trimtab beside Optuna and Rustuna in one run, and writes the tables to docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -c release --product trimtab-speed
swift build -c release --product trimtab
Scripts/native.sh >/dev/null
if [ ! -x .build/peers/bin/python ]; then
  python3 -m venv .build/peers
  .build/peers/bin/pip install --quiet -r Scripts/bench/requirements.txt
fi
exec .build/peers/bin/python Scripts/bench/bench.py "$@"
