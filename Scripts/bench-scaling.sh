#!/usr/bin/env bash
# What the scaling advisor promises, checked by training small networks on real data; under 15 minutes on 2 cores.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -c release --product trimtab
swift build -c release --package-path Examples/digits --product digits
python3 Scripts/bench_scaling.py --trimtab .build/release/trimtab --digits Examples/digits/.build/release/digits \
  --data Examples/digits/digits.data --output .build/bench-scaling "$@"
