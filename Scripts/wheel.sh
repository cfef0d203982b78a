#!/usr/bin/env bash
# Builds the wheel into dist/, and shows that it installs into a clean environment and runs.
set -euo pipefail
cd "$(dirname "$0")/.."

# PYTHON is the oldest Python whose headers are at hand; the extension keeps to the stable ABI of 3.9.
python=${PYTHON:-python3}
tools=.build/wheel-tools
if [ ! -x "$tools/bin/python" ]; then
  "$python" -m venv "$tools"
  "$tools/bin/pip" install --quiet hatchling==1.27.0 auditwheel==6.4.2
fi
PYTHON="$python" Scripts/native.sh
rm -rf dist
"$tools/bin/pip" wheel --quiet --no-build-isolation --no-deps --no-index --wheel-dir dist ./Python
wheel=$(ls dist/*.whl)
if [ "$(uname)" = Linux ]; then
  # The tag says which systems can load it, C++ library and all.
  tag=$(basename "$wheel" .whl | grep -oE 'manylinux.*')
  shown=$("$tools/bin/auditwheel" show "$wheel")
  if ! tr '\n' ' ' <<<"$shown" | grep "platform tag: \"$tag\"" >/dev/null; then
    echo "$shown"
    echo "$wheel: its tag promises too much" >&2
    exit 1
  fi
fi

venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
"$python" -m venv "$venv"
start=$(date +%s%N)
"$venv/bin/pip" install --quiet --no-index "$wheel"
echo "installed in $((($(date +%s%N) - start) / 1000000)) ms"
(cd "$venv" && bin/python -m trimtab --version && bin/python -c '
import trimtab as tt
study = tt.create_study(seed=1)
study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 1) ** 2, n_trials=50)
assert study.best_value < 0.1, study.best_trial
print("a study of 50 trials:", study.best_params)')
ls -l dist
