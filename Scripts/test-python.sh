#!/usr/bin/env bash
# The Python package's tests: types, style, doctests, and the suite, in an environment of its own.
#
# usage: test-python.sh [PYTEST-OPTION ...]    TRIMTAB_NATIVE_IS_BUILT=1 leaves the native files as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$PWD/.build/python-venv
requirements=Python/tests/requirements.txt
if [ ! -x "$venv/bin/python" ] || ! cmp -s "$requirements" "$venv/requirements.txt"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet -r "$requirements"
  cp "$requirements" "$venv/requirements.txt"
fi
if [ -z "${TRIMTAB_NATIVE_IS_BUILT:-}" ]; then
  # SwiftPM says on standard output what does not compile.
  output=$(PYTHON="$venv/bin/python" Scripts/native.sh) || { echo "$output" >&2; exit 1; }
fi
# The package as it lies here, as an editable installation would have it.
echo "$PWD/Python/src" >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/trimtab.pth"
cd Python
"$venv/bin/ruff" check . ../Scripts
"$venv/bin/mypy"
if [ $# -gt 0 ]; then
  "$venv/bin/python" -m pytest "$@"
else
  # Many tests wait for processes, so two at a time take little more than half.
  pytest=("$venv/bin/python" -m pytest -n 2 --dist worksteal)
  "${pytest[@]}"
  # The allocator's checks find what an extension writes or frees where it must not.
  PYTHONMALLOC=debug PYTHONDEVMODE=1 "${pytest[@]}" -k "bad_input or study" --no-header
fi
