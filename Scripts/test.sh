#!/usr/bin/env bash
# What must hold: format, the library's tests, the example's tests, and the kill suite.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== format"
swift format lint --strict -r Sources Tests Examples/digits/Sources Examples/digits/Tests Package.swift

echo "== example trainer"
Examples/digits/test.sh

echo "== kill suite"
swift build --scratch-path .build-test --product trimtab -Xswiftc -O
python3 Scripts/kill_suite.py --trimtab "$(swift build --scratch-path .build-test --show-bin-path)/trimtab" --kills "${TRIMTAB_KILLS:-120}" --seed 1

echo "== tests"
# Numeric code is tens of times slower without -O; @testable works all the same.
swift test --scratch-path .build-test -Xswiftc -O --parallel --num-workers 2
