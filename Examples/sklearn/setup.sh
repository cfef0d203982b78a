#!/usr/bin/env bash
# Makes the virtual environment .venv in this folder and installs what requirements.txt names into it.
set -euo pipefail
cd "$(dirname "$0")"
"${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install --quiet --requirement requirements.txt
.venv/bin/python -c 'import sklearn; print("scikit-learn", sklearn.__version__, "is ready in Examples/sklearn/.venv")'
