"""The examples, as their READMEs say, with fewer trials."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import trimtab as tt
from trimtab._native import native_folder

EXAMPLES = Path(__file__).parent.parent.parent / "Examples"
ENVIRONMENT = {
    **os.environ, "PYTHONPATH": str(Path(tt.__file__).parent.parent),
    # The interpreter of the tests is the python3 of the examples.
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("name, trials, needs", [
    ("sklearn", 4, ["sklearn"]), ("xgboost", 5, ["xgboost", "sklearn"]), ("lightgbm", 5, ["lightgbm", "sklearn"]),
    pytest.param("torch", 9, ["torch"], marks=pytest.mark.heavy), ("shell", 6, []), ("compiler", 6, []),
])
def test_an_example_tunes(name: str, trials: int, needs: list[str], tmp_path: Path) -> None:
    missing = [module for module in needs if find_spec(module) is None]
    if missing or (name == "compiler" and shutil.which("gcc") is None):
        pytest.skip(f"not installed: {', '.join(missing) or 'gcc'}")
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".venv", "*.trimtab*", "*.trials"))
    study = folder / "study.yaml"
    study.write_text(study.read_text().replace(".venv/bin/python", "python3"))
    done = subprocess.run(
        [os.path.join(native_folder(), "trimtab"), "tune", "study.yaml", "--trials", str(trials)], cwd=folder,
        text=True, capture_output=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    with tt.load_study(storage=folder / "study.trimtab") as opened:
        told = opened.trials
        assert len(told) == trials
        assert all(trial.failure in (None, "rejected") for trial in told), done.stdout
        assert opened.best_value is not None
        if "fidelity" in opened.specification:
            # Some were paused, and one went on.
            assert len({len(trial.intermediate_values) for trial in told}) > 1
