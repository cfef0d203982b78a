#!/usr/bin/env bash
# The Python package's tests in the frameworks that are too large for every run: PyTorch, Lightning, Transformers, MLflow,
# TensorBoard and Ray, in an environment of their own (some gigabytes in .build/python-venv-all).
#
# usage: test-python-all.sh [PYTEST-OPTION ...]    TRIMTAB_NATIVE_IS_BUILT=1 leaves the native files as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$PWD/.build/python-venv-all
if ! cat Python/tests/requirements.txt Python/tests/requirements-all.txt | cmp -s - "$venv/requirements.txt"; then
  python3 -m venv "$venv"
  # PyTorch's own index has a wheel without CUDA, a tenth as large. Where it cannot be reached, PyPI's does as well.
  if ! "$venv/bin/pip" install --quiet --retries 0 torch --index-url https://download.pytorch.org/whl/cpu \
    --extra-index-url https://pypi.org/simple; then
    echo "download.pytorch.org cannot be reached: PyPI's PyTorch is installed, which brings CUDA (6 GB)"
  fi
  "$venv/bin/pip" install --quiet -r Python/tests/requirements.txt -r Python/tests/requirements-all.txt
  cat Python/tests/requirements.txt Python/tests/requirements-all.txt >"$venv/requirements.txt"
fi
[ -n "${TRIMTAB_NATIVE_IS_BUILT:-}" ] || PYTHON="$venv/bin/python" Scripts/native.sh >/dev/null
echo "$PWD/Python/src" >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/trimtab.pth"
cd Python
"$venv/bin/python" -m pytest -rs "$@"
