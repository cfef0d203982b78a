#!/usr/bin/env bash
# Builds Trimtab and the example trainer, and tunes the trainer on handwritten digits.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "Building trimtab (the first time takes a few minutes) …"
swift build -c release --product trimtab 2>&1 | grep -E "error|warning: unre|Compiling|Build" | tail -n 3
echo "Building the example trainer …"
swift build -c release --package-path Examples/digits 2>&1 | grep -E "error|Build" | tail -n 3

trimtab=.build/release/trimtab
study=Examples/digits/study.yaml
"$trimtab" tune "$study"

best=$("$trimtab" best "$study" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["best"][0]["trial"])')
checkpoint=$(printf 'Examples/digits/study.trials/digits/%06d/checkpoint' "$best")
echo
echo "The best trial on the images that the search never saw:"
Examples/digits/.build/release/digits "--evaluate=$checkpoint" --data=Examples/digits/digits.data
cat <<END

More to try:
  $trimtab status $study
  $trimtab show $study $best
  $trimtab replay $study --verify
  $trimtab init -- python3 your_script.py      a study file for a program of your own
END
