#!/usr/bin/env bash
# Quality beside the peers on recorded measurements; reports go to .build/bench-quality/.
set -euo pipefail
cd "$(dirname "$0")/.."

Scripts/bench-data.sh
Scripts/peers/setup.sh core
swift build -c release --product trimtab
out=.build/bench-quality
mkdir -p "$out"
for suite in quality multi-fidelity; do
  # Problems whose data is not here are left out, and said.
  .build/release/trimtab bench run "Suites/$suite.yaml" --results "$out/$suite.results" --skip-missing
  .build/release/trimtab bench report "Suites/$suite.yaml" --results "$out/$suite.results" --skip-missing \
    --html "$out/$suite.html" | tee "$out/$suite.txt"
done
