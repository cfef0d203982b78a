#!/usr/bin/env bash
# What must hold: format, the library's tests, the example's tests, the Python package's, and the kill suite.
set -euo pipefail
cd "$(dirname "$0")/.."

# Package.swift and native.sh say what it changes.
export TRIMTAB_TEST=1

echo "== format"
swift format lint --strict -r Sources Tests Examples/digits/Sources Examples/digits/Tests Package.swift

echo "== example trainer"
Examples/digits/test.sh

echo "== Python package"
Scripts/test-python.sh

echo "== kill suite"
swift build --scratch-path .build-test --product trimtab
trimtab="$(swift build --scratch-path .build-test --show-bin-path)/trimtab"
python3 Scripts/kill_suite.py --trimtab "$trimtab" --kills "${TRIMTAB_KILLS:-60}" --seed 1 --variant promotion
python3 Scripts/kill_suite.py --trimtab "$trimtab" --kills "${TRIMTAB_KILLS:-60}" --seed 2 --variant stopping

echo "== tests"
output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
swift test --scratch-path .build-test --disable-swift-testing --parallel --num-workers 2 >"$output" 2>&1 ||
  status=$?
# Progress lines are thousands; everything else is shown.
sed -E '/^\[[0-9]+\/[0-9]+\] /d' "$output"
[ "$status" = 0 ] || exit "$status"
count=$(grep -oE '^\[[0-9]+/[0-9]+\] Testing' "$output" | tail -n 1 | grep -oE '/[0-9]+' | tr -d /)
echo "${count:-0} passed, 0 failed"
[ "${count:-0}" -gt 0 ]
